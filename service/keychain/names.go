// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package keychain

import (
	"slices"
	"strings"
)

// dockerHub are the names of Docker Hub, the one that `docker login` uses
// first.
var dockerHub = []string{
	"https://index.docker.io/v1/", "index.docker.io", "docker.io", "registry-1.docker.io",
}

// aliases are the names under which a host may be logged in.
func aliases(host string) []string {
	if slices.Contains(dockerHub, host) {
		return dockerHub
	}
	return []string{host, "https://" + host}
}

// hostOf is the host of a key of auths that is a URL, as old versions of
// Docker wrote them: https://host/v1/. Other keys are themselves.
func hostOf(key string) string {
	for _, scheme := range []string{"https://", "http://"} {
		if rest, ok := strings.CutPrefix(key, scheme); ok {
			host, _, _ := strings.Cut(rest, "/")
			return host
		}
	}
	for _, suffix := range []string{"/", "/v1", "/v1/", "/v2", "/v2/"} {
		if host, ok := strings.CutSuffix(key, suffix); ok && !strings.Contains(host, "/") {
			return host
		}
	}
	return key
}
