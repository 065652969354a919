// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package build_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spryd/spry/index/build"
	"github.com/spryd/spry/index/toc"
	"github.com/spryd/spry/index/ztoc"
	"github.com/spryd/spry/index/ztoc/ztoctest"
)

// errRefused reports what the reader of the reference implementation refuses.
var errRefused = errors.New("refused")

// referenceReads applies the two checks of that reader that its builder fails:
// entries do not overlap by their sizes, and spans but the last have bytes.
func referenceReads(z *ztoc.Ztoc) error {
	var end int64
	for _, e := range z.Entries {
		if end > int64(e.Offset) {
			return errRefused
		}
		end = (int64(e.Offset) + e.Size + 511) / 512 * 512
	}
	for i := 1; i < len(z.Checkpoints); i++ {
		if z.Checkpoints[i].Out <= z.Checkpoints[i-1].Out {
			return errRefused
		}
	}
	return nil
}

// sizedLinks is an archive whose links and directories have sizes.
func sizedLinks(tb testing.TB) []byte {
	tb.Helper()
	b := archive(tb, tar.FormatGNU, []member{
		{Header: tar.Header{Name: "d/", Typeflag: tar.TypeDir}},
		{Header: tar.Header{Name: "a"}, data: "a"},
		{Header: tar.Header{Name: "l", Typeflag: tar.TypeLink, Linkname: "a"}},
		{Header: tar.Header{Name: "z"}, data: "z"},
	})
	for _, header := range []int{0, 1536} { // d/ and l
		copy(b[header+124:], "00000004000\x00")
		checksum(b[header:])
	}
	return b
}

func TestRepair(t *testing.T) {
	all := append(samples(t), sample{"sized-links", ztoc.Uncompressed, 0, sizedLinks(t)})
	refused := map[string]bool{"flush-first": true, "empty-first": true, "sized-links": true}
	for _, s := range all {
		t.Run(s.name, func(t *testing.T) {
			o := build.Options{SpanSize: s.spanSize, Compression: s.compression}
			compareRepaired(t, s.blob, o, refused[s.name])
		})
	}
}

func TestGoldenRepair(t *testing.T) {
	g := ztoctest.FindGolden(t)
	for _, c := range g.Cases(t) {
		refused := c.UnmarshalError != "" || c.SpanManagerError != ""
		if c.File == "" || (c.SpanSize != 64<<10 && !refused) || c.Layer[:6] == "sparse" {
			continue
		}
		t.Run(c.Name(), func(t *testing.T) {
			o := build.Options{SpanSize: c.SpanSize, Compression: compression(c.Layer)}
			compareRepaired(t, g.Layer(t, c.Layer), o, refused)
		})
	}
}

// compareRepaired builds with and without repair. The results are the same
// unless the reference reader refuses the one without.
func compareRepaired(t *testing.T, blob []byte, o build.Options, refused bool) {
	t.Helper()
	as, err := build.Layer(t.Context(), bytes.NewReader(blob), o)
	if err != nil {
		t.Fatal(err)
	}
	o.Repair = true
	repaired, err := build.Layer(t.Context(), bytes.NewReader(blob), o)
	if err != nil {
		t.Fatal(err)
	}
	if err := referenceReads(as.Ztoc); (err != nil) != refused {
		t.Errorf("without repair: got %v, want refused: %t", err, refused)
	}
	if err := referenceReads(repaired.Ztoc); err != nil {
		t.Errorf("with repair: %v", err)
	}
	if same := bytes.Equal(encode(t, as.Ztoc), encode(t, repaired.Ztoc)); same == refused {
		t.Errorf("same bytes: %t", same)
	}
	if err := build.Verify(t.Context(), bytes.NewReader(blob), repaired); err != nil {
		t.Error(err)
	}
	want, got := table(t, as.Ztoc, blob), table(t, repaired.Ztoc, blob)
	if d := cmp.Diff(want, got, cmp.AllowUnexported(truth{})); d != "" {
		t.Errorf("files (-without +with):\n%s", d)
	}
	for _, e := range repaired.Ztoc.Entries {
		if e.Type != toc.Regular && e.Size != 0 {
			t.Errorf("entry %q: size %d", e.Name, e.Size)
		}
	}
}
