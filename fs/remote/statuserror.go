// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package remote

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/containerd/errdefs"
)

// Bounds on what is kept of an error answer.
const (
	maxErrorBody   = 16 << 10
	maxErrorDetail = 200
)

// StatusError is an HTTP answer with a status that does not answer the
// question. It matches the errdefs error that its status means.
type StatusError struct {
	Method string
	URL    string // without query and user information
	Status int
	// RetryAfter is the pause the host asked for, 0 for none.
	RetryAfter time.Duration
	// Detail is the first error of the body, quoted and cut, "" for none.
	Detail string
}

// Error implements error.
func (e *StatusError) Error() string {
	s := fmt.Sprintf("%s %s: status %d", e.Method, e.URL, e.Status)
	if e.Detail != "" {
		s += " " + e.Detail
	}
	return s
}

// Is matches the errdefs error of the status.
func (e *StatusError) Is(target error) bool {
	switch {
	case e.Status == http.StatusUnauthorized:
		return target == errdefs.ErrUnauthenticated
	case e.Status == http.StatusForbidden:
		return target == errdefs.ErrPermissionDenied
	case e.Status == http.StatusNotFound || e.Status == http.StatusGone:
		return target == errdefs.ErrNotFound
	case e.Status == http.StatusRequestedRangeNotSatisfiable:
		return target == errdefs.ErrOutOfRange
	case e.Status == http.StatusRequestTimeout, e.Status == http.StatusTooManyRequests, e.Status >= 500:
		return target == errdefs.ErrUnavailable
	}
	return false
}

// statusError reads and closes an unwanted answer.
func statusError(resp *http.Response) *StatusError {
	e := &StatusError{
		Method:     resp.Request.Method,
		URL:        redact(resp.Request.URL),
		Status:     resp.StatusCode,
		RetryAfter: retryAfter(resp.Header, time.Now()),
	}
	b, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
	_ = resp.Body.Close()
	var body struct {
		Errors []struct{ Code, Message string }
	}
	if json.Unmarshal(b, &body) == nil && len(body.Errors) > 0 {
		detail := body.Errors[0].Code + ": " + body.Errors[0].Message
		e.Detail = fmt.Sprintf("%q", detail[:min(len(detail), maxErrorDetail)])
	}
	return e
}

// discard ends an answer whose body is of no interest, keeping the connection
// when little is left.
func discard(resp *http.Response) {
	_, _ = io.CopyN(io.Discard, resp.Body, maxErrorBody)
	_ = resp.Body.Close()
}
