// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fs

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/containerd/log"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/spryd/spry/fs/discover"
	"github.com/spryd/spry/fs/layer"
	"github.com/spryd/spry/fs/program"
	"github.com/spryd/spry/index"
	"github.com/spryd/spry/index/toc"
)

const (
	// startWait is how long the command of an image waits for the mounts of its
	// layers: those that containerd has already are not asked for.
	startWait = 2 * time.Second
	// startTime bounds how long is fetched ahead of one start.
	startTime = 30 * time.Second
	// maxConfig bounds an image's manifest, and its configuration, in bytes.
	maxConfig = 4 << 20
	// parallelLoads is how many programs of a host are followed at a time.
	parallelLoads = 8
)

// starting fetches what containers read when they start, ahead of them: at a
// pull, besides layers that have to be unpacked, what the image's command
// needs, later what the programs and libraries need that a container begins to
// read.
type starting struct {
	loads chan struct{} // has an element for each program that is followed

	mu     sync.Mutex                // guards images
	images map[digest.Digest]*pulled // by manifest
}

// pulled is an image whose layers are being mounted.
type pulled struct {
	waiting map[digest.Digest]bool // layers
	mounted chan struct{}          // closed when none is waiting
}

func newStarting() *starting {
	return &starting{loads: make(chan struct{}, parallelLoads), images: make(map[digest.Digest]*pulled)}
}

// begin notes that the layers of found are going to be mounted. It returns nil
// if that is known.
func (s *starting) begin(manifest digest.Digest, found *discover.Found) *pulled {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.images[manifest] != nil {
		return nil
	}
	p := &pulled{waiting: make(map[digest.Digest]bool), mounted: make(chan struct{})}
	for _, d := range described(found.Index) {
		p.waiting[d] = true
	}
	s.images[manifest] = p
	return p
}

// done notes that a layer was mounted, or could not be.
func (s *starting) done(manifest, layer digest.Digest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.images[manifest]
	if p == nil || !p.waiting[layer] {
		return
	}
	delete(p.waiting, layer)
	if len(p.waiting) == 0 {
		close(p.mounted)
	}
}

// end forgets an image.
func (s *starting) end(manifest digest.Digest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.images, manifest)
}

// expectStart prepares for a container of ref's image, once for its layers.
func (f *FileSystem) expectStart(ref index.LayerRef, found *discover.Found) {
	if ref.Manifest == "" {
		return
	}
	p := f.starting.begin(ref.Manifest, found)
	if p == nil {
		return
	}
	f.goWork(func() {
		defer f.starting.end(ref.Manifest)
		ctx, cancel := context.WithTimeout(f.lifetime, startTime)
		defer cancel()
		if err := f.startAhead(ctx, ref, found, p.mounted); err != nil && f.lifetime.Err() == nil {
			log.L.WithField("image", ref.Image).WithError(err).Debug("nothing is fetched ahead of a start")
		}
		select { // or else the layers that come would begin it again
		case <-p.mounted:
		case <-ctx.Done():
		}
	})
}

// startAhead fetches what ref's image has besides lazy layers, and what its
// command needs when these are mounted.
func (f *FileSystem) startAhead(ctx context.Context, ref index.LayerRef, found *discover.Found, mounted <-chan struct{}) error {
	manifest, err := f.readManifest(ctx, ref)
	if err != nil {
		return err
	}
	small := f.artifacts.layersAhead(ref, found, manifest.Layers)
	command, err := f.readCommand(ctx, ref, manifest)
	if err != nil {
		return err
	}
	select {
	case <-mounted:
	case <-time.After(startWait):
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	var layers []part
	room := int64(maxContent)
	for _, l := range slices.Backward(manifest.Layers) {
		if s := f.served(l.Digest); s != nil {
			layers = append(layers, part{served: s})
		} else if a := small[l.Digest]; a != nil {
			if c := a.content(ctx, room); c != nil {
				room -= int64(len(c.tar))
				layers = append(layers, part{small: c})
			}
		}
	}
	withImage(ctx, layers, func(ctx context.Context, im program.Image) { program.Start(ctx, im, command) })
	return nil
}

// content waits for a small layer and reads it; nil if that is not possible.
func (a *artifact) content(ctx context.Context, limit int64) *smallContent {
	select {
	case <-a.done:
	case <-ctx.Done():
		return nil
	}
	if a.err != nil {
		return nil
	}
	c, err := newSmallContent(a.b, limit)
	if err != nil { // not small after all, or no layer: containerd will say
		return nil
	}
	return c
}

// followed are the files of a layer whose needs were fetched. The zero value is
// empty.
type followed struct{ nodes sync.Map } // toc.NodeID to struct{}

// Follow says whether it is called for file id the first time.
func (f *followed) Follow(id toc.NodeID) bool {
	_, known := f.nodes.LoadOrStore(id, struct{}{})
	return !known
}

// servedContent is a layer that is served, as fs/program sees it. It is a
// [program.Layer].
type servedContent struct {
	*layer.Layer
	*followed
}

func (s *served) content() servedContent { return servedContent{s.layer, &s.followed} }

// part is a layer of an image: one that is served, or one that is unpacked.
type part struct {
	served *served
	small  *smallContent
}

// withImage calls do with those of layers that are open, in their order, and
// keeps them meanwhile. The context ends when one of them is to be closed.
func withImage(ctx context.Context, layers []part, do func(context.Context, program.Image)) {
	var im program.Image
	for _, p := range layers {
		if p.small != nil {
			im = append(im, p.small)
			continue
		}
		s := p.served
		held, release, ok := s.layer.Hold(ctx)
		if !ok {
			continue
		}
		defer release()
		defer func() { _ = s.index.idle() }() // what was looked up may not be needed again
		ctx, im = held, append(im, s.content())
	}
	if len(im) > 0 {
		do(ctx, im)
	}
}

// readManifest reads the manifest of ref's image.
func (f *FileSystem) readManifest(ctx context.Context, ref index.LayerRef) (m ocispec.Manifest, err error) {
	desc := ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: ref.Manifest}
	b, err := f.options.Finder.Artifact(ctx, ref, desc, maxConfig)
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(b, &m); err != nil {
		return m, fmt.Errorf("manifest %s: %w", ref.Manifest, err)
	}
	return m, nil
}

// readCommand reads what an image runs.
func (f *FileSystem) readCommand(ctx context.Context, ref index.LayerRef, m ocispec.Manifest) (program.Command, error) {
	b, err := f.options.Finder.Artifact(ctx, ref, m.Config, maxConfig)
	if err != nil {
		return program.Command{}, err
	}
	return program.ParseCommand(b)
}

// served is what serves layer d through FUSE, or nil.
func (f *FileSystem) served(d digest.Digest) *served {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed { // and Close changes the entries, without the lock
		return nil
	}
	if e := f.entries[d]; e != nil && e.plain == nil {
		return e.served
	}
	return nil
}

// follow fetches what a program, a library or a module of s needs that a
// container begins to read, the first time it is. Where too many are followed it does nothing.
func (f *FileSystem) follow(s *served, id toc.NodeID, head []byte) {
	tree := s.layer.Tree()
	if !program.Is(tree.Name(id), head) {
		return
	}
	select {
	case f.starting.loads <- struct{}{}:
	default:
		return
	}
	leave := func() { <-f.starting.loads }
	if !s.followed.Follow(id) {
		leave()
		return
	}
	f.goWork(func() {
		defer leave()
		ctx, cancel := context.WithTimeout(f.lifetime, startTime)
		defer cancel()
		withImage(ctx, f.siblings(s), func(ctx context.Context, im program.Image) {
			if im[0] == program.Layer(s.content()) { // it is open
				program.Load(ctx, im, program.File{Layer: im[0], Node: id, Path: "/" + tree.Path(id)})
			}
		})
	})
}

// siblings are s and what serves the other layers of the images that have its
// layer.
func (f *FileSystem) siblings(s *served) []part {
	f.mu.Lock()
	defer f.mu.Unlock()
	var images []string
	for _, e := range f.entries {
		if e.served == s {
			images = e.record.Images
		}
	}
	all := []part{{served: s}}
	for _, e := range f.entries {
		shared := slices.ContainsFunc(e.record.Images, func(image string) bool { return slices.Contains(images, image) })
		if shared && e.served != nil && e.served != s && e.plain == nil {
			all = append(all, part{served: e.served})
		}
	}
	return all
}
