// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package remote_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/containerd/errdefs"
	"github.com/google/go-cmp/cmp"

	"github.com/spryd/spry/fs/remote"
	"github.com/spryd/spry/fs/remote/remotetest"
)

func TestResolve(t *testing.T) {
	noDigest := func(w http.ResponseWriter, r *http.Request, h http.Handler) {
		h.ServeHTTP(headerless{w}, r)
	}
	tests := []struct {
		name string
		rule remotetest.Rule
		ref  string // tag; "digest" = the right one, "other" = a wrong one
		is   func(error) bool
	}{
		{name: "tag", ref: "latest"},
		{name: "digest", ref: "digest"},
		{name: "no HEAD", ref: "latest", rule: remotetest.Rule{Method: "HEAD", Do: remotetest.Status(405)}},
		{name: "HEAD without digest", ref: "latest", rule: remotetest.Rule{Do: noDigest}},
		{name: "burst of 502", ref: "latest", rule: remotetest.Rule{Times: 3, Do: remotetest.Status(502)}},
		{name: "unknown tag", ref: "nope", is: errdefs.IsNotFound},
		{name: "unknown digest", ref: "other", is: errdefs.IsNotFound},
		{name: "other content", ref: "digest", rule: remotetest.Rule{Do: remotetest.Status(200,
			"Docker-Content-Digest", "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
			"Content-Type", "application/vnd.oci.image.manifest.v1+json")},
			is: func(err error) bool { return errors.Is(err, remote.ErrCorrupt) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			srv := remotetest.New(t)
			want := srv.PushImage("app", "latest", remotetest.Tar(t)).Manifest
			if tt.rule.Do != nil {
				srv.Rule(tt.rule)
			}
			switch tt.ref {
			case "digest":
				tt.ref = want.Digest.String()
			case "other":
				tt.ref = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
			}
			got, err := open(t, quick()).Resolve(t.Context(), srv.Ref("app", tt.ref))
			if tt.is != nil {
				if err == nil || !tt.is(err) {
					t.Errorf("wrong error: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// headerless hides the digest.
type headerless struct{ http.ResponseWriter }

// WriteHeader implements http.ResponseWriter.
func (h headerless) WriteHeader(status int) {
	h.Header().Del("Docker-Content-Digest")
	h.ResponseWriter.WriteHeader(status)
}

func TestResolveWithoutName(t *testing.T) {
	if _, err := open(t, quick()).Resolve(t.Context(), "127.0.0.1:1/app"); !errdefs.IsInvalidArgument(err) {
		t.Errorf("wrong error: %v", err)
	}
}
