// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package ztocfile_test

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spryd/spry/cmd/spry/internal/imagetest"
	"github.com/spryd/spry/cmd/spry/internal/ztocfile"
	"github.com/spryd/spry/fs/remote/remotetest"
	"github.com/spryd/spry/index/build"
	"github.com/spryd/spry/index/compact"
)

func TestDescribeCompact(t *testing.T) {
	blob := imagetest.Gzip(t,
		remotetest.File{Name: "bin/"},
		remotetest.File{Name: "bin/app", Body: imagetest.Body(1, 300_000)},
		remotetest.File{Name: "bin/sh", Link: "app"},
	).Blob
	res, err := build.Layer(t.Context(), bytes.NewReader(blob), build.Options{FineSpanSize: 50_000})
	if err != nil {
		t.Fatal(err)
	}
	b, err := res.Compact()
	if err != nil {
		t.Fatal(err)
	}
	l, err := compact.Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	info := ztocfile.DescribeCompact(l, int64(len(b)))
	types := map[string]string{}
	var app ztocfile.File
	for _, f := range info.Entries {
		types[f.Name] = f.Type
		if f.Type == "reg" {
			app = f
		}
	}
	if d := cmp.Diff(map[string]string{".": "dir", "bin": "dir", "bin/app": "reg", "bin/sh": "symlink"}, types); d != "" {
		t.Errorf("files (-want +got):\n%s", d)
	}
	if info.Version != "compact" || info.Size != int64(len(b)) || info.Spans != l.Len() || info.Files != 4 || info.MultiSpanFiles != 1 {
		t.Errorf("got %+v", info)
	}
	if app.Size != 300_000 || app.StartSpan != 0 || int(app.EndSpan) != l.Len()-1 || l.Len() < 3 {
		t.Errorf("got %+v of %d spans", app, l.Len())
	}
}
