// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package main

import (
	"archive/tar"
	"bufio"
	"encoding/binary"
	"io"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strconv"

	"github.com/spryd/spry/integration/testbed"
)

// dataSize is the size of a data file in bytes.
const dataSize = 300_000_000

// dataFile is an image of one layer with one large file.
type dataFile struct {
	// name is that of the image, and of the file in its root.
	name  string
	write func(w *bufio.Writer, r *rand.Rand) error
}

// dataFiles do not compress, like the weights of a model, and compress well,
// like numbers as text: the line or the decoder is what limits reading them.
var dataFiles = []dataFile{{"weights", writeWeight}, {"vectors", writeNumber}}

// image makes the image, or finds its layer in the cache.
func (d dataFile) image(cache string) (testbed.Image, error) {
	l, err := testbed.CachedLayer(filepath.Join(cache, "images", d.name), func(tw *tar.Writer) error {
		if err := tw.WriteHeader(&tar.Header{Name: d.name, Mode: 0o644, Size: dataSize}); err != nil {
			return err
		}
		return d.fill(tw, dataSize)
	})
	return testbed.Image{Layers: []testbed.Layer{l}, Cmd: []string{"/none"}}, err
}

// fill writes size bytes of the file, the same ones every time.
func (d dataFile) fill(w io.Writer, size int64) error {
	l := &limited{w: w, left: size}
	b, r := bufio.NewWriterSize(l, 1<<20), rand.New(rand.NewPCG(3, 4))
	for l.left > 0 {
		if err := d.write(b, r); err != nil {
			return err
		}
	}
	return nil
}

// limited drops what is too much.
type limited struct {
	w    io.Writer
	left int64
}

func (l *limited) Write(p []byte) (int, error) {
	n := min(int64(len(p)), l.left)
	l.left -= n
	if _, err := l.w.Write(p[:n]); err != nil {
		return 0, err
	}
	return len(p), nil
}

// writeWeight writes a small bfloat16 number around 0.
func writeWeight(w *bufio.Writer, r *rand.Rand) error {
	var word [2]byte
	binary.LittleEndian.PutUint16(word[:], uint16(math.Float32bits(float32(r.NormFloat64()*0.02))>>16))
	_, err := w.Write(word[:])
	return err
}

// writeNumber writes such a number as text.
func writeNumber(w *bufio.Writer, r *rand.Rand) error {
	_, err := w.Write(append(strconv.AppendFloat(w.AvailableBuffer(), r.NormFloat64()*0.02, 'f', 5, 64), ' '))
	return err
}
