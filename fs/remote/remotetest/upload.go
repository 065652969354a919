// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package remotetest

import (
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/opencontainers/go-digest"
)

// maxUpload bounds one uploaded blob.
const maxUpload = 1 << 30

// serveUpload takes a blob by POST, any number of PATCHes, and PUT.
func (s *Server) serveUpload(w http.ResponseWriter, r *http.Request, repo, id string) {
	b, err := io.ReadAll(io.LimitReader(r.Body, maxUpload))
	if err != nil {
		writeError(w, http.StatusBadRequest, "BLOB_UPLOAD_INVALID", "body broke")
		return
	}
	s.mu.Lock()
	if r.Method == http.MethodPost {
		id = strconv.Itoa(len(s.uploads) + 1)
		s.uploads[id] = nil
	}
	have, known := s.uploads[id]
	b = append(have, b...)
	s.uploads[id] = b
	s.mu.Unlock()
	want := r.URL.Query().Get("digest")
	switch {
	case !known:
		writeError(w, http.StatusNotFound, "BLOB_UPLOAD_UNKNOWN", "no such upload")
	case want == "":
		w.Header().Set("Location", fmt.Sprintf("/v2/%s/blobs/uploads/%s?state=opaque", repo, id))
		w.WriteHeader(http.StatusAccepted)
	case digest.FromBytes(b).String() != want:
		writeError(w, http.StatusBadRequest, "DIGEST_INVALID", "digest does not match")
	default:
		s.store.putBlob(b)
		w.Header().Set("Location", fmt.Sprintf("/v2/%s/blobs/%s", repo, want))
		w.WriteHeader(http.StatusCreated)
	}
}
