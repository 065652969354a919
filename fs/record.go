// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/containerd/errdefs"
	"github.com/containerd/log"
	"github.com/opencontainers/go-digest"

	"github.com/spryd/spry/index"
)

const (
	// recordName vouches for the layer's directory; recordCopy is used, and
	// makes it anew, if the disk damages it.
	recordName = "ref.json"
	recordCopy = "ref.json.copy"
	// indexName is the index in the form that is mapped; ztocName is what
	// earlier versions had in its place.
	indexName = "index"
	ztocName  = "ztoc"
	// maxRecord bounds ref.json in bytes.
	maxRecord = 1 << 20
)

// record is all that is needed to mount a layer without network. Its file is a
// line of JSON and one with the digest of the first, which earlier versions
// neither wrote nor read.
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

// loadRecord reads the record in dir from either of its files and makes the
// other one good. A directory without one matches errdefs.ErrNotFound. It needs
// the lock of the layer.
func loadRecord(dir string, layer digest.Digest) (record, error) {
	r, err := readRecord(filepath.Join(dir, recordName), layer)
	copied, copyErr := readRecord(filepath.Join(dir, recordCopy), layer)
	switch {
	case err == nil && copyErr == nil:
		return r, nil
	case err != nil && copyErr != nil:
		return record{}, err
	case err != nil:
		log.L.WithField("layer", layer.String()).WithError(err).Warn("record on disk is damaged, its copy is used")
		r = copied
	}
	if err := r.write(dir); err != nil {
		log.L.WithField("layer", layer.String()).WithError(err).Warn("record on disk is not mended")
	}
	return r, nil
}

// readRecord reads one file of a record. If there is none, the error matches
// errdefs.ErrNotFound.
func readRecord(path string, layer digest.Digest) (record, error) {
	f, err := os.Open(path)
	if errors.Is(err, iofs.ErrNotExist) {
		return record{}, fmt.Errorf("not on this host: %w", errdefs.ErrNotFound)
	}
	if err != nil {
		return record{}, err
	}
	defer func() { _ = f.Close() }()
	b, err := io.ReadAll(io.LimitReader(f, maxRecord))
	if err != nil {
		return record{}, err
	}
	b, sum, summed := bytes.Cut(b, []byte("\n"))
	if summed && string(sum) != digest.FromBytes(b).String() {
		return record{}, fmt.Errorf("%s: content does not have its digest", path)
	}
	var r record
	if err := json.Unmarshal(b, &r); err != nil {
		return record{}, fmt.Errorf("%s: %w", path, err)
	}
	if r.Layer != layer {
		return record{}, fmt.Errorf("%s: is of layer %.80q", path, string(r.Layer))
	}
	return r, nil
}

// write puts the record in dir, in one step, so that it survives a loss of
// power, and then its copy, which may be lost.
func (r record) write(dir string) error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	b = fmt.Appendf(b, "\n%s", digest.FromBytes(b))
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
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return err
	}
	path = filepath.Join(dir, recordCopy)
	if err := os.WriteFile(path+".tmp", b, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".tmp", path)
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
