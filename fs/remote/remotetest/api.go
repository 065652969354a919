// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package remotetest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// serve is the well-behaved registry: the part of the OCI distribution
// specification 1.1 that clients of images use.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == tokenPath {
		s.serveToken(w, r)
		return
	}
	if !s.authorized(w, r) {
		return
	}
	if s.behind != nil {
		s.behind.ServeHTTP(w, r)
		return
	}
	path, ok := strings.CutPrefix(r.URL.Path, "/v2/")
	if !ok {
		writeError(w, http.StatusNotFound, "UNKNOWN", "no such endpoint")
		return
	}
	for _, kind := range []struct {
		infix string
		serve func(w http.ResponseWriter, r *http.Request, repo, name string)
	}{
		{"/blobs/uploads/", s.serveUpload},
		{"/blobs/", s.serveBlob},
		{"/manifests/", s.serveManifest},
		{"/referrers/", s.serveReferrers},
	} {
		if i := strings.LastIndex(path, kind.infix); i > 0 {
			kind.serve(w, r, path[:i], path[i+len(kind.infix):])
			return
		}
	}
	if path != "" {
		writeError(w, http.StatusNotFound, "UNKNOWN", "no such endpoint")
	}
}

func (s *Server) serveBlob(w http.ResponseWriter, r *http.Request, _, name string) {
	b, ok := s.store.blob(digest.Digest(name))
	if !ok {
		writeError(w, http.StatusNotFound, "BLOB_UNKNOWN", "blob unknown to registry")
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Docker-Content-Digest", name)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(b))
}

func (s *Server) serveManifest(w http.ResponseWriter, r *http.Request, repo, name string) {
	if r.Method == http.MethodPut {
		s.putManifest(w, r, repo, name)
		return
	}
	m, ok := s.store.manifest(repo, name)
	if !ok {
		writeError(w, http.StatusNotFound, "MANIFEST_UNKNOWN", "manifest unknown")
		return
	}
	w.Header().Set("Content-Type", m.mediaType)
	w.Header().Set("Docker-Content-Digest", m.digest.String())
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(m.body))
}

func (s *Server) putManifest(w http.ResponseWriter, r *http.Request, repo, name string) {
	b, err := io.ReadAll(io.LimitReader(r.Body, 8<<20))
	m := stored{mediaType: r.Header.Get("Content-Type"), body: b, digest: digest.FromBytes(b)}
	var parsed ocispec.Manifest
	if err != nil || json.Unmarshal(b, &parsed) != nil {
		writeError(w, http.StatusBadRequest, "MANIFEST_INVALID", "manifest invalid")
		return
	}
	tag := name
	if d, err := digest.Parse(name); err == nil {
		if tag = ""; d != m.digest {
			writeError(w, http.StatusBadRequest, "DIGEST_INVALID", "digest does not match")
			return
		}
	}
	s.store.putManifest(repo, tag, m)
	s.mu.Lock()
	if parsed.Subject != nil && !s.noReferrers {
		w.Header().Set("OCI-Subject", parsed.Subject.Digest.String())
	}
	s.mu.Unlock()
	w.Header().Set("Docker-Content-Digest", m.digest.String())
	w.Header().Set("Location", fmt.Sprintf("/v2/%s/manifests/%s", repo, m.digest))
	w.WriteHeader(http.StatusCreated)
}

// writeError answers in the registry error form.
func writeError(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"errors":[{"code":%q,"message":%q}]}`, code, message)
}
