// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package remotetest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

func (s *Server) serveReferrers(w http.ResponseWriter, r *http.Request, repo, name string) {
	s.mu.Lock()
	off, noFilter, page := s.noReferrers, s.noFilter, s.pageSize
	s.mu.Unlock()
	if off {
		writeError(w, http.StatusNotFound, "UNKNOWN", "no such endpoint")
		return
	}
	found := s.store.referrers(repo, digest.Digest(name))
	if t := r.URL.Query().Get("artifactType"); t != "" && !noFilter {
		w.Header().Set("OCI-Filters-Applied", "artifactType")
		found = slices.DeleteFunc(found, func(d ocispec.Descriptor) bool { return d.ArtifactType != t })
	}
	if page > 0 {
		first, _ := strconv.Atoi(r.URL.Query().Get("first"))
		first = min(max(first, 0), len(found))
		found = found[first:]
		if len(found) > page {
			found = found[:page]
			q := r.URL.Query()
			q.Set("first", strconv.Itoa(first+page))
			w.Header().Set("Link", fmt.Sprintf(`<%s?%s>; rel="next"`, r.URL.Path, q.Encode()))
		}
	}
	w.Header().Set("Content-Type", ocispec.MediaTypeImageIndex)
	_ = json.NewEncoder(w).Encode(ocispec.Index{
		Versioned: specs.Versioned{SchemaVersion: 2},
		MediaType: ocispec.MediaTypeImageIndex,
		Manifests: found,
	})
}
