// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package remote_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/containerd/errdefs"
	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/spryd/spry/fs/remote"
	"github.com/spryd/spry/fs/remote/remotetest"
)

const typeA, typeB = "application/vnd.test.a", "application/vnd.test.b"

// refer pushes a manifest of a type with a subject, past any client.
func refer(srv *remotetest.Server, artifactType string, subject ocispec.Descriptor, n int) digest.Digest {
	return srv.PushManifest("app", "", ocispec.MediaTypeImageManifest, artifact(artifactType, subject, n)).Digest
}

func artifact(artifactType string, subject ocispec.Descriptor, n int) ocispec.Manifest {
	return ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
		Config:  ocispec.Descriptor{MediaType: artifactType, Digest: ocispec.DescriptorEmptyJSON.Digest, Size: 2},
		Layers:  []ocispec.Descriptor{},
		Subject: &subject, Annotations: map[string]string{"n": fmt.Sprint(n)},
	}
}

func TestReferrers(t *testing.T) {
	tests := []struct {
		name    string
		prepare func(*remotetest.Server)
		filter  string
		want    int
	}{
		{"filtered by the registry", func(*remotetest.Server) {}, typeA, 5},
		{"filtered here", (*remotetest.Server).DisableFilter, typeA, 5},
		{"all", func(*remotetest.Server) {}, "", 7},
		{"pages", func(s *remotetest.Server) { s.PageReferrers(2) }, typeA, 5},
		{"none of that type", func(*remotetest.Server) {}, "application/other", 0},
		{"no API, no tag", (*remotetest.Server).DisableReferrers, typeA, 0},
		{"API is not implemented", func(s *remotetest.Server) {
			s.Rule(remotetest.Rule{Path: "/referrers/", Do: remotetest.Status(405)})
		}, typeA, 0},
		{"burst of 503", func(s *remotetest.Server) {
			s.Rule(remotetest.Rule{Times: 2, Do: remotetest.Status(503)})
		}, typeA, 5},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			srv := remotetest.New(t)
			subject := srv.PushImage("app", "latest", remotetest.Tar(t)).Manifest
			for i := range 5 {
				refer(srv, typeA, subject, i)
			}
			refer(srv, typeB, subject, 1)
			refer(srv, typeB, subject, 2)
			tt.prepare(srv)
			got, err := open(t, quick()).Referrers(t.Context(), srv.Ref("app", "latest"), subject.Digest, tt.filter)
			if err != nil || len(got) != tt.want {
				t.Fatalf("got %d referrers, want %d: %v", len(got), tt.want, err)
			}
			for _, d := range got {
				if tt.filter != "" && d.ArtifactType != tt.filter {
					t.Errorf("got one of type %s", d.ArtifactType)
				}
			}
		})
	}
}

func TestReferrersErrors(t *testing.T) {
	protocol := func(err error) bool { return errors.Is(err, remote.ErrProtocol) }
	page := func(link string) remotetest.Action {
		return remotetest.Status(200, "Link", link)
	}
	tests := []struct {
		name string
		do   remotetest.Action
		is   func(error) bool
	}{
		{"page loop", page(`</v2/app/referrers/x>; rel="next"`), func(err error) bool { return errors.Is(err, remote.ErrTooLarge) }},
		{"page at another host", page(`<http://127.0.0.1:1/x?secret>; rel="next"`), protocol},
		{"no JSON", remotetest.Override([]byte("<html>")), protocol},
		{"no index", remotetest.Override([]byte(`{"mediaType":"application/x"}`)), protocol},
		{"too large", remotetest.Override(make([]byte, 9<<20)), func(err error) bool { return errors.Is(err, remote.ErrTooLarge) }},
		{"unauthorized", remotetest.Status(401), errdefs.IsUnauthorized},
		{"unavailable", remotetest.Status(503), errdefs.IsUnavailable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			srv := remotetest.New(t)
			srv.Rule(remotetest.Rule{Path: "/referrers/", Do: tt.do})
			subject := srv.PushImage("app", "latest").Manifest
			_, err := open(t, quick()).Referrers(t.Context(), srv.Ref("app", "latest"), subject.Digest, typeA)
			if err == nil || !tt.is(err) {
				t.Errorf("wrong error: %v", err)
			}
			noSecrets(t, err)
		})
	}
}

func TestReferrersDropsInvalidDescriptors(t *testing.T) {
	srv := remotetest.New(t)
	subject := srv.PushImage("app", "latest").Manifest
	good := ocispec.Descriptor{MediaType: "x", Digest: digest.FromString("x"), ArtifactType: typeA}
	list := ocispec.Index{Manifests: []ocispec.Descriptor{
		{Digest: "sha256:../x", ArtifactType: typeA}, good, {Digest: good.Digest, Size: -1, ArtifactType: typeA},
	}}
	srv.DisableReferrers()
	srv.PushManifest("app", "sha256-"+subject.Digest.Encoded(), ocispec.MediaTypeImageIndex, list)
	got, err := open(t, quick()).Referrers(t.Context(), srv.Ref("app", "latest"), subject.Digest, typeA)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]ocispec.Descriptor{good}, got); diff != "" {
		t.Error(diff)
	}
}
