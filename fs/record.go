// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fs

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"

	"github.com/spryd/spry/index"
)

const (
	recordName = "ref.json"
	// indexName is the index in the form that is mapped; ztocName is what
	// earlier versions had in its place.
	indexName = "index"
	ztocName  = "ztoc"
	// maxRecord bounds ref.json in bytes.
	maxRecord = 1 << 20
)

// record is ref.json: all that is needed to mount a layer without network.
type record struct {
	Layer digest.Digest `json:"layer"`
	// Size is of the blob, in bytes.
	Size int64 `json:"size"`
	// Ztoc is the digest of the ztoc or compact index that the file beside
	// was made of.
	Ztoc digest.Digest `json:"ztoc"`
	// Images are references to read the blob from.
	Images []string `json:"images"`
	// Manifests are the image manifests whose index names it.
	Manifests []digest.Digest `json:"manifests"`
}

// vouches says whether ref's image is known to name this ztoc.
func (r record) vouches(ref index.LayerRef) bool {
	return ref.Index == "" && ref.Manifest != "" && slices.Contains(r.Manifests, ref.Manifest)
}

// checkSize compares the size of the blob that an index is of.
func (r record) checkSize(size int64) error {
	if r.Size != 0 && r.Size != size {
		return fmt.Errorf("is of a blob of %d bytes, the layer has %d", size, r.Size)
	}
	return nil
}

// with is r with ref's image added, and whether that changed anything. The
// oldest are forgotten.
func (r record) with(ref index.LayerRef) (record, bool) {
	changed := false
	if ref.Image != "" && !slices.Contains(r.Images, ref.Image) {
		r.Images, changed = lastOf(append(slices.Clone(r.Images), ref.Image)), true
	}
	if ref.Index == "" && ref.Manifest != "" && !slices.Contains(r.Manifests, ref.Manifest) {
		r.Manifests, changed = lastOf(append(slices.Clone(r.Manifests), ref.Manifest)), true
	}
	return r, changed
}

func lastOf[T any](list []T) []T { return list[max(0, len(list)-maxImages):] }

// readRecord reads the record in dir. A directory without one matches
// errdefs.ErrNotFound.
func readRecord(dir string, layer digest.Digest) (record, error) {
	f, err := os.Open(filepath.Join(dir, recordName))
	if errors.Is(err, iofs.ErrNotExist) {
		return record{}, fmt.Errorf("not on this host: %w", errdefs.ErrNotFound)
	}
	if err != nil {
		return record{}, err
	}
	defer func() { _ = f.Close() }()
	var r record
	if err := json.NewDecoder(io.LimitReader(f, maxRecord)).Decode(&r); err != nil {
		return record{}, fmt.Errorf("%s: %w", f.Name(), err)
	}
	if r.Layer != layer {
		return record{}, fmt.Errorf("%s: is of layer %.80q", f.Name(), string(r.Layer))
	}
	return r, nil
}

// write puts the record in dir, in one step, so that it survives a loss of
// power.
func (r record) write(dir string) error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	path := filepath.Join(dir, recordName)
	if err := writeSynced(path+".tmp", b); err != nil {
		return err
	}
	if err := os.Rename(path+".tmp", path); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// writeSynced writes a file and syncs it.
func writeSynced(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}
