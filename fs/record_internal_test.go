// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fs

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/opencontainers/go-digest"
)

// FuzzRecord reads a ref.json that is damaged, or of another version.
func FuzzRecord(f *testing.F) {
	layer := digest.FromString("layer")
	f.Add([]byte(`{"layer":"` + layer.String() + `","size":1,"ztoc":"` + layer.String() + `","images":["a"],"manifests":[]}`))
	f.Add([]byte(`{"layer":"` + layer.String() + `","size":-1,"ztoc":"../../x"}`))
	f.Add([]byte(`{"layer":`))
	f.Add([]byte(`null`))
	f.Add([]byte("{}\n" + digest.FromString("{}").String()))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := os.WriteFile(filepath.Join(dir, recordName), b, 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := readRecord(filepath.Join(dir, recordName), layer)
		if err != nil {
			return
		}
		if r.Layer != layer {
			t.Errorf("record of layer %q", r.Layer)
		}
		if err := r.write(dir); err != nil {
			t.Fatal(err)
		}
		if again, err := readRecord(filepath.Join(dir, recordName), layer); err != nil || again.Ztoc != r.Ztoc || len(again.Images) != len(r.Images) {
			t.Errorf("wrote %+v, read %+v, error %v", r, again, err)
		}
	})
}

// FuzzMapped maps an index file that is damaged.
func FuzzMapped(f *testing.F) {
	f.Add([]byte{})
	f.Add(make([]byte, 4096))
	f.Add([]byte("SPRYCIX\x01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(t.TempDir(), indexName)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		m, err := mapIndex(path)
		if err != nil {
			return
		}
		if err := m.close(); err != nil {
			t.Error(err)
		}
	})
}
