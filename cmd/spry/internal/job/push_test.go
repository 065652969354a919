// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package job_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spryd/spry/cmd/spry/internal/imagetest"
	"github.com/spryd/spry/cmd/spry/internal/job"
	"github.com/spryd/spry/cmd/spry/internal/place"
	"github.com/spryd/spry/fs/remote/remotetest"
	"github.com/spryd/spry/index"
)

func (r *rig) push(from, to string, o job.Options) (*job.PushReport, error) {
	r.t.Helper()
	return job.Push(r.t.Context(), r.open(from), r.open(to), o)
}

func TestPushV1(t *testing.T) {
	for _, referrers := range []bool{true, false} {
		r := newRig(t)
		dir := t.TempDir()
		srv := remotetest.New(t)
		if !referrers {
			srv.DisableReferrers()
		}
		ls := layers(t, "one", "two")
		img := srv.PushImage("app", "v1", ls[0].Blob, ls[1].Blob)
		// The same image on this host.
		l := imagetest.New(t, dir)
		root := l.Image("app", imagetest.Linux("amd64", ls...))
		from, to := "oci:"+dir+":app", "docker://"+srv.Ref("app", "v1")
		if _, err := r.push(from, to, r.options()); !errors.Is(err, job.ErrNoIndex) {
			t.Errorf("without index: %v", err)
		}
		rep, err := job.Create(t.Context(), r.open(from), r.options())
		if err != nil {
			t.Fatal(err)
		}
		_, err = r.push(from, to, r.options())
		if root.Digest != img.Manifest.Digest {
			if err == nil || !strings.Contains(err.Error(), "push the image first") {
				t.Errorf("other image: %v", err)
			}
			b, rerr := place.ReadManifest(t.Context(), r.open(from), root)
			if rerr != nil {
				t.Fatal(rerr)
			}
			srv.PushManifest("app", "v1", root.MediaType, b)
			_, err = r.push(from, to, r.options())
		}
		if err != nil {
			t.Fatal(err)
		}
		found, err := r.open(to).(place.Indexed).Indexes(t.Context())
		if err != nil || len(found) != 1 {
			t.Fatalf("found %v, %v", found, err)
		}
		if found[0].Desc.Digest != rep.Platforms[0].Index || found[0].Desc.ArtifactType != index.ArtifactTypeV1 {
			t.Errorf("found %+v", found[0].Desc)
		}
		for _, b := range found[0].Blobs() {
			if srv.Blob(b.Digest) == nil {
				t.Errorf("blob %s is missing", b.Digest)
			}
		}
	}
}

func TestPushV2(t *testing.T) {
	r := newRig(t)
	dir := t.TempDir()
	srv := remotetest.New(t)
	imagetest.New(t, dir).Image("app", imagetest.Linux("amd64", layers(t, "one", "two")...))
	rep := r.mustConvert("oci:"+dir+":app", "oci:"+dir+":lazy", r.options())
	to := "docker://" + srv.Ref("app", "lazy")
	got, err := r.push("oci:"+dir+":lazy", to, job.Options{Display: r.options().Display})
	if err != nil {
		t.Fatal(err)
	}
	want := &job.PushReport{Source: "oci:" + dir + ":lazy", Destination: to, Image: rep.Digest.String()}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("report (-want +got):\n%s", d)
	}
	if ix, _ := r.complete(to); len(ix.Manifests) != 2 {
		t.Errorf("pushed %+v", ix.Manifests)
	}
}

// TestPushTakesTheNewest: of several indexes of an image the last counts.
func TestPushTakesTheNewest(t *testing.T) {
	r := newRig(t)
	dir := t.TempDir()
	srv := remotetest.New(t)
	l := imagetest.New(t, dir)
	root := l.Image("app", imagetest.Linux("amd64", layers(t, "one")...))
	img := r.open("oci:" + dir + ":app")
	var last string
	for _, size := range []int64{1 << 16, 1 << 17} {
		o := r.options()
		o.SpanSize = size
		rep, err := job.Create(t.Context(), img, o)
		if err != nil {
			t.Fatal(err)
		}
		last = rep.Platforms[0].Index.String()
	}
	b, err := place.ReadManifest(t.Context(), img, root)
	if err != nil {
		t.Fatal(err)
	}
	srv.PushManifest("app", "v1", root.MediaType, b)
	got, err := r.push("oci:"+dir+":app", "docker://"+srv.Ref("app", "v1"), r.options())
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{last}, got.Indexes); d != "" {
		t.Errorf("pushed (-want +got):\n%s", d)
	}
}
