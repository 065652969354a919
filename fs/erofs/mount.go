// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package erofs

import (
	"os"

	"github.com/spryd/spry/fs/detached"
)

// Mount mounts the image in a file, whose layer is the file device, nowhere yet: see
// [detached.Mount]. Both are opened by the kernel: if this process serves device, and is killed
// meanwhile, somebody else has to answer. The file may be removed afterwards. Linux 6.12.
func Mount(image, device string) (*os.File, error) {
	return detached.Mount("erofs", "source="+image, "device="+device)
}
