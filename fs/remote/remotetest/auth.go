// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package remotetest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// tokenPath is where a server that wants tokens gives them out.
const tokenPath = "/token"

// guard is the authentication a server asks for.
type guard struct {
	basic          bool
	user, password string // "" user: anybody gets a token
	issued         int
	valid          map[string]string // token -> scope
	expiresIn      int
}

// RequireToken makes the server want a bearer token for each repository, given
// out at the same server to those who know the password, or to anybody when
// user is "". Tokens say they live for an hour; [Server.ExpireTokens] ends
// them.
func (s *Server) RequireToken(user, password string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.auth = &guard{user: user, password: password, valid: map[string]string{}, expiresIn: 3600}
}

// TokenLifetime sets the seconds new tokens say they live.
func (s *Server) TokenLifetime(seconds int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.auth.expiresIn = seconds
}

// RequireBasic makes the server want a user name and password with each
// request.
func (s *Server) RequireBasic(user, password string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.auth = &guard{basic: true, user: user, password: password}
}

// ExpireTokens makes every token given out so far worthless.
func (s *Server) ExpireTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.auth.valid)
}

// authorized lets a request through or answers 401.
func (s *Server) authorized(w http.ResponseWriter, r *http.Request) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.auth == nil:
		return true
	case s.auth.basic:
		user, password, _ := r.BasicAuth()
		if user == s.auth.user && password == s.auth.password {
			return true
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
	default:
		token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		scope := scopeOf(r)
		if got, ok := s.auth.valid[token]; ok && covers(got, scope) {
			return true
		}
		w.Header().Set("WWW-Authenticate", fmt.Sprintf(
			`Bearer realm="http://%s%s",service="test",scope="%s"`, r.Host, tokenPath, scope))
	}
	writeError(w, http.StatusUnauthorized, "UNAUTHORIZED", "authentication required")
	return false
}

// scopeOf is the scope a request needs.
func scopeOf(r *http.Request) string {
	repo := strings.TrimPrefix(r.URL.Path, "/v2/")
	for _, infix := range []string{"/blobs/", "/manifests/", "/referrers/"} {
		repo, _, _ = strings.Cut(repo, infix)
	}
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return "repository:" + repo + ":pull"
	}
	return "repository:" + repo + ":pull,push"
}

// covers tells whether one of the granted scopes allows the wanted one.
func covers(granted, want string) bool {
	for _, g := range strings.Fields(granted) {
		if g == want || g == want+",push" {
			return true
		}
	}
	return false
}

// serveToken gives out tokens, by GET and by OAuth POST.
func (s *Server) serveToken(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	user, password, _ := r.BasicAuth()
	if r.Method == http.MethodPost {
		user, password = r.Form.Get("username"), r.Form.Get("password")
		if r.Form.Get("grant_type") == "refresh_token" {
			password = r.Form.Get("refresh_token")
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.auth == nil || s.auth.basic {
		writeError(w, http.StatusNotFound, "UNKNOWN", "no tokens here")
		return
	}
	refresh := user == "" && password != ""
	if s.auth.user != "" && (password != s.auth.password || (user != s.auth.user && !refresh)) {
		writeError(w, http.StatusUnauthorized, "UNAUTHORIZED", "wrong credentials")
		return
	}
	s.auth.issued++
	token := fmt.Sprintf("token-%d", s.auth.issued)
	s.auth.valid[token] = strings.Join(r.Form["scope"], " ")
	_ = json.NewEncoder(w).Encode(map[string]any{
		"token": token, "access_token": token, "expires_in": s.auth.expiresIn,
	})
}
