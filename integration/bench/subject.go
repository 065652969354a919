// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package main

import (
	"archive/tar"
	"context"
	"fmt"
	"time"

	"github.com/spryd/spry/integration/bench/oracle"
	"github.com/spryd/spry/integration/testbed"
)

// builtImages are the images that the benchmark makes itself.
var builtImages = []testbed.DebianSpec{testbed.Nginx, testbed.Java, testbed.Science}

func imageNames() []string {
	var names []string
	for _, s := range builtImages {
		names = append(names, s.Name)
	}
	return names
}

// subject is an image under test.
type subject struct {
	name string
	img  testbed.Image
	// args replace the image's command; none keeps it.
	args []string
	// inflate is how long one processor takes to inflate all layers.
	inflate time.Duration
	// layers are the image's layers with the oracle's spans, lowest first;
	// none if one of them cannot be indexed.
	layers []*oracle.Layer
}

// subjects builds and opens all images that the options name.
func (b *bed) subjects(ctx context.Context) ([]*subject, error) {
	var out []*subject
	for _, spec := range builtImages {
		if !contains(b.o.built, spec.Name) {
			continue
		}
		b.say("image %s: built of Debian packages unless it is in the cache", spec.Name)
		img, err := testbed.DebianImage(ctx, b.tools.Cache, spec)
		if err != nil {
			return nil, err
		}
		out = append(out, &subject{name: spec.Name, img: img})
	}
	for _, i := range b.o.images {
		img, err := testbed.ReadLayout(i.dir)
		if err != nil {
			return nil, err
		}
		out = append(out, &subject{name: i.name, img: img, args: i.args})
	}
	return out, nil
}

// index makes the oracle's spans and measures inflate; an image that cannot
// have them has none.
func (b *bed) index(ctx context.Context, s *subject) error {
	var layers []*oracle.Layer
	for _, l := range s.img.Layers {
		o, err := oracle.IndexLayer(ctx, l)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			b.say("image %s: no oracle: %v", s.name, err)
			return nil
		}
		layers = append(layers, o)
		took, err := oracle.InflateTime(l)
		if err != nil {
			return err
		}
		s.inflate += took
	}
	s.layers = layers
	return nil
}

// touched is the oracle's answer after a start under overlayfs, whose
// directories are dirs, uppermost first; 0 if there is none.
func (s *subject) touched(dirs []string) (int64, error) {
	if s.layers == nil {
		return 0, nil
	}
	if len(dirs) != len(s.layers) {
		return 0, fmt.Errorf("image %s: %d directories for %d layers", s.name, len(dirs), len(s.layers))
	}
	var sum int64
	for i, l := range s.layers {
		n, err := l.Touched(dirs[len(dirs)-1-i])
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return sum, nil
}

// largestFile is the path and size of the largest file of all layers, from
// the root; "" without an oracle.
func (s *subject) largestFile() (path string, size int64) {
	for _, l := range s.layers {
		if p, n, _ := l.Largest(); n > size {
			path, size = "/"+p, n
		}
	}
	return path, size
}

// emptyImage is an image with nothing in it.
func emptyImage(dir string) (testbed.Image, error) {
	l, err := testbed.NewLayer(dir, func(*tar.Writer) error { return nil })
	return testbed.Image{Layers: []testbed.Layer{l}, Cmd: []string{"/none"}}, err
}
