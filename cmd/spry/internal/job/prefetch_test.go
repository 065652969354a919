// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package job_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spryd/spry/cmd/spry/internal/imagetest"
	"github.com/spryd/spry/cmd/spry/internal/place"
	"github.com/spryd/spry/fs/remote/remotetest"
	"github.com/spryd/spry/index"
)

// TestPrefetch: wanted files become spans of the topmost layer that has them.
// Layers are plain tars with spans of 64 KiB, so that spans are easy to count.
func TestPrefetch(t *testing.T) {
	const span = 1 << 16
	lower := imagetest.Plain(t,
		remotetest.File{Name: "./a", Body: imagetest.Body(1, 10)},
		remotetest.File{Name: "b", Body: imagetest.Body(2, 3*span)},
		remotetest.File{Name: "c", Body: imagetest.Body(3, 10)},
		remotetest.File{Name: "d", Body: imagetest.Body(4, 2*span)},
		remotetest.File{Name: "e", Body: imagetest.Body(5, 10)},
	)
	upper := imagetest.Plain(t,
		remotetest.File{Name: "pad", Body: imagetest.Body(6, span)},
		remotetest.File{Name: "c", Body: imagetest.Body(7, 10)},
		remotetest.File{Name: "link", Type: '1', Link: "c"},
		remotetest.File{Name: "dir/"},
		remotetest.File{Name: "sym", Link: "c"},
		remotetest.File{Name: "empty"},
	)
	for _, test := range []struct {
		name         string
		files        []string
		lower, upper []index.PrefetchRange
	}{
		{"nothing there", []string{"no", "/dir", "sym", "empty"}, nil, nil},
		{"names are cleaned", []string{"/a"}, []index.PrefetchRange{{Start: 0, End: 0}}, nil},
		{"top first", []string{"/c"}, nil, []index.PrefetchRange{{Start: 1, End: 1}}},
		{"hard link", []string{"link"}, nil, []index.PrefetchRange{{Start: 1, End: 1}}},
		{"several spans", []string{"./b"}, []index.PrefetchRange{{Start: 0, End: 3}}, nil},
		{"merged", []string{"b", "a", "d"}, []index.PrefetchRange{{Start: 0, End: 5}}, nil},
		{"apart", []string{"e", "a"}, []index.PrefetchRange{{Start: 0, End: 0}, {Start: 5, End: 5}}, nil},
		{"both layers", []string{"e", "c"}, []index.PrefetchRange{{Start: 5, End: 5}}, []index.PrefetchRange{{Start: 1, End: 1}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t)
			dir := t.TempDir()
			imagetest.New(t, dir).Image("in", imagetest.Linux("amd64", lower, upper))
			o := r.options()
			o.SpanSize, o.PrefetchFiles = span, test.files
			rep := r.mustConvert("oci:"+dir+":in", "oci:"+dir+":out", o)
			img := r.open("oci:" + dir + ":out")
			found, err := img.(place.Indexed).Indexes(t.Context())
			if err != nil || len(found) != 1 || found[0].Desc.Digest != rep.Platforms[0].Index {
				t.Fatalf("indexes %v, %v", found, err)
			}
			for layer, want := range map[*imagetest.Layer][]index.PrefetchRange{&lower: test.lower, &upper: test.upper} {
				var got []index.PrefetchRange
				if desc, ok := found[0].Index.PrefetchFor(digestOf(*layer)); ok {
					b, err := place.ReadAll(t.Context(), img, desc, index.MaxPrefetchSize)
					if err != nil {
						t.Fatal(err)
					}
					p, err := index.ParsePrefetch(b)
					if err != nil {
						t.Fatal(err)
					}
					got = p.Ranges
				}
				if d := cmp.Diff(want, got); d != "" {
					t.Errorf("ranges (-want +got):\n%s", d)
				}
			}
		})
	}
}

func TestMarkXattrs(t *testing.T) {
	r := newRig(t)
	dir := t.TempDir()
	none := imagetest.Gzip(t, remotetest.File{Name: "a", Body: "a"})
	some := imagetest.Gzip(t, remotetest.File{Name: "b", Body: "b", Xattrs: map[string]string{"user.x": "y"}})
	opaque := imagetest.Gzip(t, remotetest.File{Name: "d/"}, remotetest.File{Name: "d/.wh..wh..opq"})
	imagetest.New(t, dir).Image("in", imagetest.Linux("amd64", none, some, opaque))
	for _, mark := range []bool{true, false} {
		o := r.options()
		o.MarkXattrs = mark
		r.mustConvert("oci:"+dir+":in", "oci:"+dir+":out", o)
		found, err := r.open("oci:" + dir + ":out").(place.Indexed).Indexes(t.Context())
		if err != nil || len(found) != 1 {
			t.Fatalf("indexes %v, %v", found, err)
		}
		var got []bool
		for _, l := range found[0].Index.Layers {
			got = append(got, l.DisableXattrs)
		}
		if d := cmp.Diff([]bool{mark, false, false}, got); d != "" {
			t.Errorf("mark %v (-want +got):\n%s", mark, d)
		}
	}
}
