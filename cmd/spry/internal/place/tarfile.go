// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package place

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// tarBlob is a blob inside the tar; the tar stays open.
type tarBlob struct{ *io.SectionReader }

// Close implements io.Closer.
func (tarBlob) Close() error { return nil }

func (s *tarStore) section(m member) tarBlob {
	return tarBlob{io.NewSectionReader(s.tar, m.off, m.size)}
}

// scan notes where the blobs are and reads index.json.
func (s *tarStore) scan() error {
	magic := make([]byte, 4)
	if _, err := s.tar.ReadAt(magic, 0); err == nil && (bytes.HasPrefix(magic, []byte{0x1f, 0x8b}) || bytes.Equal(magic, []byte{0x28, 0xb5, 0x2f, 0xfd})) {
		return errors.New("the archive is compressed, decompress it first")
	}
	r := tar.NewReader(s.tar)
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		if err := s.member(path.Clean("/"+h.Name), h.Size, r); err != nil {
			return err
		}
	}
	if s.index == nil {
		return errors.New("no index.json, so no OCI archive")
	}
	_, err := parseIndexFile(s.index)
	return err
}

// member takes one file of the tar, whose content r is at.
func (s *tarStore) member(name string, size int64, r io.Reader) error {
	if name == "/"+ocispec.ImageIndexFile {
		b, err := io.ReadAll(io.LimitReader(r, maxManifest+1))
		s.index = b
		return err
	}
	rest, ok := strings.CutPrefix(name, "/"+ocispec.ImageBlobsDir+"/")
	if !ok {
		return nil
	}
	algorithm, hex, _ := strings.Cut(rest, "/")
	dgst := digest.NewDigestFromEncoded(digest.Algorithm(algorithm), hex)
	if dgst.Validate() != nil {
		return nil
	}
	off, err := s.tar.Seek(0, io.SeekCurrent)
	if err != nil {
		return err
	}
	s.base[dgst] = member{off: off, size: size}
	return nil
}

// write makes the new tar. Its bytes depend on its content alone.
func (s *tarStore) write() error {
	f, err := os.CreateTemp(filepath.Dir(s.path), ".spry-*.tar")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	err = s.writeTo(f)
	if err == nil {
		err = f.Chmod(0o644)
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", s.path, err)
	}
	return os.Rename(f.Name(), s.path)
}

func (s *tarStore) writeTo(w io.Writer) error {
	t := tar.NewWriter(w)
	for _, f := range []struct {
		name string
		b    []byte
	}{{ocispec.ImageLayoutFile, []byte(layoutFile)}, {ocispec.ImageIndexFile, s.index}} {
		if err := addFile(t, f.name, int64(len(f.b)), bytes.NewReader(f.b)); err != nil {
			return err
		}
	}
	digests, err := s.digests()
	if err != nil {
		return err
	}
	for _, d := range digests {
		if err := s.addBlob(t, d); err != nil {
			return err
		}
	}
	return t.Close()
}

func (s *tarStore) addBlob(t *tar.Writer, d digest.Digest) error {
	name := path.Join(ocispec.ImageBlobsDir, d.Algorithm().String(), d.Encoded())
	if m, ok := s.base[d]; ok {
		return addFile(t, name, m.size, s.section(m))
	}
	p, err := s.stage.path(d)
	if err != nil {
		return err
	}
	f, err := os.Open(p)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	fi, err := f.Stat()
	if err != nil {
		return err
	}
	return addFile(t, name, fi.Size(), f)
}

// digests lists all blobs, sorted.
func (s *tarStore) digests() ([]digest.Digest, error) {
	all := map[digest.Digest]bool{}
	for d := range s.base {
		all[d] = true
	}
	if s.stage != "" {
		files, err := filepath.Glob(filepath.Join(string(s.stage), ocispec.ImageBlobsDir, "*", "*"))
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			d := digest.NewDigestFromEncoded(digest.Algorithm(filepath.Base(filepath.Dir(f))), filepath.Base(f))
			if d.Validate() == nil {
				all[d] = true
			}
		}
	}
	out := make([]digest.Digest, 0, len(all))
	for d := range all {
		out = append(out, d)
	}
	slices.Sort(out)
	return out, nil
}

func addFile(t *tar.Writer, name string, size int64, r io.Reader) error {
	h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o644, Format: tar.FormatUSTAR}
	if size > 8<<30-1 {
		h.Format = tar.FormatPAX
	}
	if err := t.WriteHeader(h); err != nil {
		return err
	}
	_, err := io.Copy(t, r)
	return err
}
