// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package remote_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"testing"

	"github.com/containerd/errdefs"
	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/spryd/spry/fs/remote"
	"github.com/spryd/spry/fs/remote/remotetest"
)

// from is a source for Push.
func from(b []byte) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }
}

func describe(mediaType string, b []byte) ocispec.Descriptor {
	return ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(b), Size: int64(len(b))}
}

func TestPushBlob(t *testing.T) {
	blob := noise(100_000)
	tests := []struct {
		name string
		rule remotetest.Rule
		is   func(error) bool
	}{
		{name: "proper", rule: remotetest.Rule{Path: "/nothing", Do: remotetest.Proper()}},
		{name: "burst of 503", rule: remotetest.Rule{Times: 2, Do: remotetest.Status(503)}},
		{name: "upload fails once", rule: remotetest.Rule{Method: "PUT", Times: 1, Do: remotetest.Status(500)}},
		{name: "connection breaks", rule: remotetest.Rule{Method: "PUT", Times: 1, Do: remotetest.Cut(0)}},
		{name: "no location", rule: remotetest.Rule{Method: "POST", Do: remotetest.Status(202)}, is: isProtocol},
		{name: "denied", rule: remotetest.Rule{Method: "POST", Do: remotetest.Status(403)}, is: errdefs.IsPermissionDenied},
		{name: "refused", rule: remotetest.Rule{Method: "PUT", Do: remotetest.Status(400)}, is: func(err error) bool { return status(err) == 400 }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			srv := remotetest.New(t)
			srv.Rule(tt.rule)
			desc := describe("application/octet-stream", blob)
			err := open(t, quick()).Push(t.Context(), srv.Ref("app", "x"), desc, from(blob))
			switch {
			case tt.is == nil && (err != nil || !bytes.Equal(srv.Blob(desc.Digest), blob)):
				t.Errorf("not stored: %v", err)
			case tt.is != nil && (err == nil || !tt.is(err)):
				t.Errorf("wrong error: %v", err)
			}
		})
	}
}

func TestPushSkipsWhatExists(t *testing.T) {
	srv := remotetest.New(t)
	desc := srv.PushBlob(noise(10))
	err := open(t, quick()).Push(t.Context(), srv.Ref("app", "x"), desc, func() (io.ReadCloser, error) {
		return nil, errors.New("nobody should open this")
	})
	if err != nil {
		t.Error(err)
	}
	if n := srv.Count("POST", ""); n != 0 {
		t.Errorf("%d uploads begun", n)
	}
}

func TestPushAtAnotherHostGetsNoSecrets(t *testing.T) {
	srv := remotetest.New(t)
	store := srv.Mirror()
	srv.RequireToken("", "")
	blob := noise(10)
	srv.Rule(remotetest.Rule{Method: "POST", Do: remotetest.Status(202, "Location", store.URL+"/v2/app/blobs/uploads/7?sig=secret")})
	desc := describe("application/octet-stream", blob)
	err := open(t, quick()).Push(t.Context(), srv.Ref("app", "x"), desc, from(blob))
	if !errdefs.IsNotFound(err) { // the store knows no upload 7
		t.Errorf("wrong error: %v", err)
	}
	noSecrets(t, err)
	for _, r := range store.Requests() {
		if r.Header.Get("Authorization") != "" {
			t.Errorf("store got %v", r.Header)
		}
	}
}

func TestPushManifest(t *testing.T) {
	srv := remotetest.New(t)
	b := []byte(`{"schemaVersion":2}`)
	desc := describe(ocispec.MediaTypeImageManifest, b)
	r := open(t, quick())
	if err := r.Push(t.Context(), srv.Ref("app", "v1"), desc, from(b)); err != nil {
		t.Fatal(err)
	}
	if got := srv.Manifest("app", "v1"); got != nil {
		t.Error("push made a tag")
	}
	if err := r.Tag(t.Context(), srv.Ref("app", "v1"), desc, b); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"v1", desc.Digest.String()} {
		if got := srv.Manifest("app", name); !bytes.Equal(got, b) {
			t.Errorf("%s is %q", name, got)
		}
	}
	wrong := describe(ocispec.MediaTypeImageManifest, []byte("{}"))
	if err := r.Tag(t.Context(), srv.Ref("app", "v1"), wrong, b); !errors.Is(err, remote.ErrCorrupt) {
		t.Errorf("tag of other content: %v", err)
	}
	if err := r.Push(t.Context(), srv.Ref("app", "v1"), wrong, from(b)); !errors.Is(err, remote.ErrCorrupt) {
		t.Errorf("push of other content: %v", err)
	}
	if err := r.Tag(t.Context(), srv.Ref("app", desc.Digest.String()), desc, b); !errdefs.IsInvalidArgument(err) {
		t.Errorf("tag without a tag: %v", err)
	}
}

// TestPushSubject pushes two artifacts of an image and finds them, with and
// without a referrers API.
func TestPushSubject(t *testing.T) {
	for name, api := range map[string]func(*remotetest.Server){
		"API":          func(*remotetest.Server) {},
		"fallback tag": (*remotetest.Server).DisableReferrers,
	} {
		t.Run(name, func(t *testing.T) {
			srv := remotetest.New(t)
			api(srv)
			subject := srv.PushImage("app", "latest").Manifest
			r := open(t, quick())
			var want []digest.Digest
			for _, n := range []int{1, 2, 1} { // the third is the first again
				b, err := json.Marshal(artifact(typeA, subject, n))
				if err != nil {
					t.Fatal(err)
				}
				desc := describe(ocispec.MediaTypeImageManifest, b)
				if err := r.Push(t.Context(), srv.Ref("app", "latest"), desc, from(b)); err != nil {
					t.Fatal(err)
				}
				if len(want) < 2 {
					want = append(want, desc.Digest)
				}
			}
			found, err := r.Referrers(t.Context(), srv.Ref("app", "latest"), subject.Digest, typeA)
			if err != nil || len(found) != 2 {
				t.Fatalf("found %d, %v", len(found), err)
			}
			var got []digest.Digest
			for _, d := range found {
				got = append(got, d.Digest)
			}
			if name == "API" && got[0] != want[0] { // that one sorts
				got[0], got[1] = got[1], got[0]
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			tagged := srv.Manifest("app", "sha256-"+subject.Digest.Encoded())
			if (tagged != nil) != (name == "fallback tag") {
				t.Errorf("fallback tag is %q", tagged)
			}
		})
	}
}

func TestFallbackTagForm(t *testing.T) {
	srv := remotetest.New(t)
	srv.DisableReferrers()
	subject := srv.PushImage("app", "latest").Manifest
	b, err := json.Marshal(artifact("application/vnd.amazon.soci.index.v1+json", subject, 1))
	if err != nil {
		t.Fatal(err)
	}
	desc := describe(ocispec.MediaTypeImageManifest, b)
	if err := open(t, quick()).Push(t.Context(), srv.Ref("app", "latest"), desc, from(b)); err != nil {
		t.Fatal(err)
	}
	want := `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"mediaType":"` +
		ocispec.MediaTypeImageManifest + `","digest":"` + desc.Digest.String() + `","size":` + itoa(desc.Size) +
		`,"annotations":{"n":"1"},"artifactType":"application/vnd.amazon.soci.index.v1+json"}]}`
	if diff := cmp.Diff(want, string(srv.Manifest("app", "sha256-"+subject.Digest.Encoded()))); diff != "" {
		t.Error(diff)
	}
}

func itoa(n int64) string {
	b, _ := json.Marshal(n)
	return string(b)
}
