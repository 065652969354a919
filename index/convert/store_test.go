// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package convert_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/spryd/spry/index/ztoc/ztoctest"
)

// memory is a store in memory that remembers what was put.
type memory struct {
	blobs map[digest.Digest][]byte
	put   map[digest.Digest]string // media types
	fail  digest.Digest            // cannot be put
}

func newMemory() *memory {
	return &memory{blobs: map[digest.Digest][]byte{}, put: map[digest.Digest]string{}}
}

func (m *memory) Get(_ context.Context, desc ocispec.Descriptor) ([]byte, error) {
	if b, ok := m.blobs[desc.Digest]; ok {
		return b, nil
	}
	return nil, fmt.Errorf("blob %s: %w", desc.Digest, errdefs.ErrNotFound)
}

func (m *memory) Put(_ context.Context, desc ocispec.Descriptor, b []byte) error {
	if desc.Digest == m.fail {
		return fmt.Errorf("disk full")
	}
	if digest.FromBytes(b) != desc.Digest || int64(len(b)) != desc.Size {
		return fmt.Errorf("descriptor of %s does not fit its %d bytes", desc.Digest, len(b))
	}
	m.blobs[desc.Digest] = b
	m.put[desc.Digest] = desc.MediaType
	return nil
}

// add stores v as JSON and describes it.
func (m *memory) add(t testing.TB, mediaType string, v any) ocispec.Descriptor {
	t.Helper()
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	d := digest.FromBytes(b)
	m.blobs[d] = b
	return ocispec.Descriptor{MediaType: mediaType, Digest: d, Size: int64(len(b))}
}

// read decodes a blob.
func (m *memory) read(t testing.TB, d digest.Digest, v any) {
	t.Helper()
	b, ok := m.blobs[d]
	if !ok {
		t.Fatalf("store lacks %s", d)
	}
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatal(err)
	}
}

// goldenDir is where the golden files lie, or the test is skipped.
func goldenDir(t testing.TB) string {
	t.Helper()
	return string(ztoctest.FindGolden(t))
}

func readFile(t testing.TB, elem ...string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(elem...))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// layout reads the blobs of an OCI layout and its only manifest descriptor.
func layout(t testing.TB, dir string) (*memory, ocispec.Descriptor) {
	t.Helper()
	m := newMemory()
	paths, err := filepath.Glob(filepath.Join(dir, "blobs", "sha256", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range paths {
		m.blobs[digest.NewDigestFromEncoded(digest.SHA256, filepath.Base(p))] = readFile(t, p)
	}
	var ix ocispec.Index
	if err := json.Unmarshal(readFile(t, dir, "index.json"), &ix); err != nil {
		t.Fatal(err)
	}
	if len(ix.Manifests) != 1 {
		t.Fatalf("%s has %d manifests, want 1", dir, len(ix.Manifests))
	}
	return m, ix.Manifests[0]
}

// goldenZtocs are the ztocs of spans of 64 KiB by the digest of their layer.
func goldenZtocs(t testing.TB) map[digest.Digest][]byte {
	t.Helper()
	dir := goldenDir(t)
	paths, err := filepath.Glob(filepath.Join(dir, "ztoc", "*.64k.ztoc.gz"))
	if err != nil {
		t.Fatal(err)
	}
	ztocs := map[digest.Digest][]byte{}
	for _, p := range paths {
		r, err := gzip.NewReader(bytes.NewReader(readFile(t, p)))
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		layer := readFile(t, dir, "layers", strings.TrimSuffix(filepath.Base(p), ".64k.ztoc.gz"))
		ztocs[digest.FromBytes(layer)] = b
	}
	return ztocs
}
