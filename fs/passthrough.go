// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fs

import "github.com/spryd/spry/index/toc"

const (
	// passedMean is from which mean size of its files on a layer is passed
	// through, and passedSize from which size on a file of it is; in bytes.
	passedMean = 128 << 10
	passedSize = 64 << 10
)

// prefersPassthrough decides how a layer is opened: with NoOpen the kernel
// opens files on its own, with passthrough it reads complete files on its own.
// It is one or the other for a mount.
//
// Measured below an overlay, the best of 5 runs on a busy machine, where medians
// were up to twice that (fs/node, BenchmarkOverlay; AMD EPYC, Linux 6.18): to
// open, read and close a cached file of 4 KiB takes 7 us where the layer is
// unpacked, 8 us with NoOpen, 26 us with OPEN answered, and 44 us with
// passthrough. A MiB that is on disk but not yet in the page cache of the mount
// costs about 750 us through FUSE (an earlier measurement, of another program:
// 1.3 GB/s), and one that is cached roughly 50 us more than unpacked, being there
// twice; with passthrough both cost what unpacked does. So passthrough pays
// from a mean of about 25 KiB on if everything is read once, and from about 350
// KiB on if everything stays cached. The constant is a choice between the two.
func prefersPassthrough(tree *toc.Tree) bool {
	var files, bytes int64
	for id := range tree.Files(0, tree.DataEnd()) {
		_, size := tree.Data(id)
		files++
		bytes += size
	}
	return files > 0 && bytes/files >= passedMean
}
