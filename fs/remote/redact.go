// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package remote

import (
	"errors"
	"net/url"
)

// redact is a URL as errors and logs may show it: scheme, host and path.
// Queries carry signatures, user information carries passwords.
func redact(u *url.URL) string {
	shown := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}
	return shown.String()
}

// bare strips the *url.Error, which repeats the URL with its query, from what
// an HTTP client returns. It tells whether there was one.
func bare(err error) (stripped bool, inner error) {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return true, wrapped.Err
	}
	return false, err
}
