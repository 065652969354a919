// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fs

import (
	"encoding/json"
	"errors"
	"fmt"
	iofs "io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/containerd/log"
	"github.com/opencontainers/go-digest"

	"github.com/spryd/spry/index"
)

const (
	condemnedName = "condemned"
	// maxCondemned is how many are remembered; the oldest are forgotten.
	maxCondemned = 4096
	// maxReason bounds the reason that is remembered, in bytes.
	maxReason = 1000
)

// Condemnation is an index that was found to lie about a layer.
type Condemnation struct {
	Layer  digest.Digest `json:"layer"`
	Index  digest.Digest `json:"index"`
	Reason string        `json:"reason"`
	Time   time.Time     `json:"time"`
}

// Err is why the layer is refused; it matches [index.ErrNotLazy].
func (c Condemnation) Err() error {
	return fmt.Errorf("%w: condemned: index %s: %s", index.ErrNotLazy, c.Index, c.Reason)
}

// condemned remembers lies on disk, one file each.
type condemned struct {
	dir string

	mu    sync.Mutex // guards known
	known map[string]Condemnation
}

// condemnedFile names the file of a layer and its index.
func condemnedFile(layer, ix digest.Digest) string { return layer.Encoded() + "." + ix.Encoded() }

// load reads what earlier processes found. Files that cannot be read are
// removed.
func (c *condemned) load(dir string) error {
	c.dir, c.known = dir, make(map[string]Condemnation)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, file := range files {
		var item Condemnation
		b, err := os.ReadFile(filepath.Join(dir, file.Name()))
		if err == nil {
			err = json.Unmarshal(b, &item)
		}
		if err == nil {
			err = errors.Join(item.Layer.Validate(), item.Index.Validate())
		}
		if err != nil || condemnedFile(item.Layer, item.Index) != file.Name() {
			log.L.WithError(err).Warn("record of a condemned layer is damaged")
			_ = os.Remove(filepath.Join(dir, file.Name()))
			continue
		}
		c.known[file.Name()] = item
	}
	return nil
}

// add remembers a lie.
func (c *condemned) add(item Condemnation) error {
	item.Reason = strings.ToValidUTF8(item.Reason[:min(len(item.Reason), maxReason)], "")
	name := condemnedFile(item.Layer, item.Index)
	c.mu.Lock()
	c.known[name] = item
	oldest := name
	for other, o := range c.known {
		if o.Time.Before(c.known[oldest].Time) {
			oldest = other
		}
	}
	full := len(c.known) > maxCondemned
	if full {
		delete(c.known, oldest)
	}
	c.mu.Unlock()
	if full {
		_ = os.Remove(filepath.Join(c.dir, oldest))
	}
	b, err := json.Marshal(item)
	if err != nil {
		return err
	}
	tmp := filepath.Join(c.dir, name+".tmp")
	if err := writeSynced(tmp, b); err != nil {
		return err
	}
	return os.Rename(tmp, filepath.Join(c.dir, name))
}

// find says whether an index was found to lie about a layer.
func (c *condemned) find(layer, ix digest.Digest) (Condemnation, bool) {
	if layer.Validate() != nil || ix.Validate() != nil {
		return Condemnation{}, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	item, ok := c.known[condemnedFile(layer, ix)]
	return item, ok
}

// condemn remembers that the index of rec lies.
func (f *FileSystem) condemn(rec record, lie error) {
	err := f.condemned.add(Condemnation{Layer: rec.Layer, Index: rec.Ztoc, Reason: lie.Error(), Time: time.Now().UTC()})
	if err != nil && !errors.Is(err, iofs.ErrNotExist) {
		log.L.WithField("layer", rec.Layer.String()).WithError(err).Error("condemned layer is not remembered")
	}
}

// Condemned lists the indexes that were found to lie on this host.
func (f *FileSystem) Condemned() []Condemnation {
	f.condemned.mu.Lock()
	defer f.condemned.mu.Unlock()
	list := make([]Condemnation, 0, len(f.condemned.known))
	for _, c := range f.condemned.known {
		list = append(list, c)
	}
	return list
}
