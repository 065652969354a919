// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package build

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// onlyReader hides that its reader can seek.
type onlyReader struct{ io.Reader }

// pulled is the names of an archive and where its reader stopped, read by
// archive/tar without any help.
func pulled(b []byte) (names []string, size int64, err error) {
	rest := bytes.NewReader(b)
	r := tar.NewReader(onlyReader{rest})
	for {
		h, err := r.Next()
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return names, int64(len(b) - rest.Len()), err
		}
		names = append(names, h.Name)
	}
}

// pushed is the same, read by a table to which b is pushed in pieces.
func pushed(b []byte, piece int) (names []string, size int64, err error) {
	t := newTable(newBudget())
	defer t.close()
	for len(b) > 0 {
		n := min(piece, len(b))
		if err := t.push(b[:n]); err != nil {
			break
		}
		b = b[n:]
	}
	size, entries, err := t.finish()
	for _, e := range entries {
		names = append(names, e.Name)
	}
	return names, size, err
}

// tarOf is a small archive with long names, PAX records and data.
func tarOf(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range []tar.Header{
		{Name: "dir/", Typeflag: tar.TypeDir},
		{Name: "a", Size: 700},
		{Name: strings.Repeat("x/", 80), Typeflag: tar.TypeDir, Format: tar.FormatGNU},
		{Name: "b", Size: 512, PAXRecords: map[string]string{"SCHILY.xattr.user.a": "b"}},
		{Name: "c"},
	} {
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(make([]byte, h.Size)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestPushedAsPulled cuts an archive anywhere: a table sees what archive/tar
// sees, however the bytes come.
func TestPushedAsPulled(t *testing.T) {
	whole := tarOf(t)
	for _, piece := range []int{1, 100, 512, 1000, 1 << 20} {
		for n := 0; n <= len(whole); n += 1 + n%97 {
			wantNames, wantSize, wantErr := pulled(whole[:n])
			gotNames, gotSize, gotErr := pushed(whole[:n], piece)
			if d := cmp.Diff(wantNames, gotNames); d != "" {
				t.Fatalf("%d bytes in pieces of %d: names (-want +got):\n%s", n, piece, d)
			}
			if (wantErr != nil) != (gotErr != nil) || (wantErr != nil && !errors.Is(gotErr, wantErr)) {
				t.Fatalf("%d bytes in pieces of %d: got %v, want %v", n, piece, gotErr, wantErr)
			}
			if gotErr == nil && gotSize != wantSize {
				t.Fatalf("%d bytes in pieces of %d: ends at %d, want %d", n, piece, gotSize, wantSize)
			}
		}
	}
}

func TestTableCloseEarly(t *testing.T) {
	for _, n := range []int{0, 1, 512, 600, 1100} {
		tab := newTable(newBudget())
		if n > 0 {
			if err := tab.push(tarOf(t)[:n]); err != nil {
				t.Fatal(err)
			}
		}
		tab.close()
		tab.close()
	}
}

func TestTableBudget(t *testing.T) {
	tab := newTable(&budget{left: 500})
	defer tab.close()
	err := tab.push(tarOf(t))
	if !errors.Is(err, ErrSkip) || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("got %v, want a SkipError for the size", err)
	}
	if n := len(tab.entries); n != 2 {
		t.Errorf("got %d entries, want 2", n)
	}
}

func TestTarInputSeek(t *testing.T) {
	in := &tarInput{piece: make([]byte, 100), eof: true}
	for _, whence := range []int{io.SeekStart, io.SeekEnd} {
		if _, err := in.Seek(1, whence); err == nil {
			t.Errorf("whence %d was accepted", whence)
		}
	}
	if _, err := in.Seek(-1, io.SeekCurrent); err == nil {
		t.Error("a step back was accepted")
	}
	for _, step := range []struct{ offset, want, pos int64 }{
		{0, 0, 0}, {60, 60, 60}, {30, 90, 90}, {30, 120, 100}, {math.MaxInt64, math.MaxInt64, 100},
	} {
		got, err := in.Seek(step.offset, io.SeekCurrent)
		if err != nil || got != step.want || in.pos != step.pos {
			t.Errorf("seek %d: got %d, %v at %d, want %d at %d", step.offset, got, err, in.pos, step.want, step.pos)
		}
	}
	stopped := &tarInput{wait: func() bool { return false }}
	if _, err := stopped.Seek(1, io.SeekCurrent); !errors.Is(err, errStopped) {
		t.Errorf("got %v, want %v", err, errStopped)
	}
}
