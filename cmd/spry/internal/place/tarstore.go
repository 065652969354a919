// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package place

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// tarStore is an OCI layout in a tar file. What the tar holds is read where
// it lies; what is put goes to a directory beside it, and close writes both
// into a new tar that replaces the old one. A tar whose index.json was not
// written is left alone.
type tarStore struct {
	path  string
	tar   *os.File // nil if there is no tar yet
	base  map[digest.Digest]member
	index []byte // nil if there is no tar yet

	// mu guards stage, the directory with what was put, "" before the first.
	mu    sync.Mutex
	stage dirStore
	dirty bool
}

// member is where a blob lies in the tar, in bytes.
type member struct{ off, size int64 }

var _ store = (*tarStore)(nil)

func openTarStore(path string) (*tarStore, error) {
	s := &tarStore{path: path, base: map[digest.Digest]member{}}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return nil, err
	}
	s.tar = f
	if err := s.scan(); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), f.Close())
	}
	return s, nil
}

func (s *tarStore) open(dgst digest.Digest) (blob, error) {
	if m, ok := s.base[dgst]; ok {
		return s.section(m), nil
	}
	stage := s.staged()
	if stage == "" {
		return nil, fmt.Errorf("content %s: %w", dgst, errdefs.ErrNotFound)
	}
	return stage.open(dgst)
}

func (s *tarStore) has(desc ocispec.Descriptor) (bool, error) {
	if m, ok := s.base[desc.Digest]; ok {
		return desc.Size == 0 || m.size == desc.Size, nil
	}
	stage := s.staged()
	if stage == "" {
		return false, nil
	}
	return stage.has(desc)
}

func (s *tarStore) put(ctx context.Context, desc ocispec.Descriptor, open Content) error {
	stage, err := s.makeStage()
	if err != nil {
		return err
	}
	return stage.put(ctx, desc, open)
}

func (s *tarStore) remove(dgst digest.Digest) error {
	delete(s.base, dgst)
	if stage := s.staged(); stage != "" {
		return stage.remove(dgst)
	}
	return nil
}

func (s *tarStore) readIndex() ([]byte, error) {
	if s.index == nil {
		return nil, errdefs.ErrNotFound
	}
	return s.index, nil
}

func (s *tarStore) writeIndex(b []byte) error {
	s.index, s.dirty = b, true
	return nil
}

func (s *tarStore) close() error {
	var err error
	if s.dirty {
		err = s.write()
	}
	if stage := s.staged(); stage != "" {
		err = errors.Join(err, os.RemoveAll(string(stage)))
	}
	if s.tar != nil {
		err = errors.Join(err, s.tar.Close())
	}
	return err
}

func (s *tarStore) staged() dirStore {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stage
}

// makeStage makes the directory in the tar's own, which has room for a second
// copy anyway.
func (s *tarStore) makeStage() (dirStore, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stage == "" {
		dir, err := os.MkdirTemp(filepath.Dir(s.path), ".spry-*")
		if err != nil {
			return "", err
		}
		s.stage = dirStore(dir)
	}
	return s.stage, nil
}
