// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package remote

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"

	"github.com/containerd/errdefs"
)

// Sentinels of this package.
var (
	// ErrCorrupt: content does not match its digest or size, at every host.
	ErrCorrupt = errors.New("content does not match its descriptor")
	// ErrProtocol: an answer breaks the distribution specification.
	ErrProtocol = errors.New("malformed answer")
	// ErrTooLarge: content is larger than the caller allows.
	ErrTooLarge = errors.New("larger than allowed")
)

// Causes of giving up on a request that may work next time.
var (
	errNoAnswer = errors.New("no answer in time")
	errStalled  = errors.New("body stalled")
)

// networkError is a failure between us and a host. It may pass.
type networkError struct {
	what string
	err  error
}

// Error implements error.
func (e *networkError) Error() string { return e.what + ": " + e.err.Error() }

// Unwrap gives the cause.
func (e *networkError) Unwrap() error { return e.err }

// Is makes it match errdefs.IsUnavailable.
func (e *networkError) Is(target error) bool { return target == errdefs.ErrUnavailable }

// network wraps what a connection failed with. Certificates that do not
// verify are not expected to do so in a second.
func network(what string, err error) error {
	var verify *tls.CertificateVerificationError
	var unknown x509.UnknownAuthorityError
	if errors.As(err, &verify) || errors.As(err, &unknown) {
		return fmt.Errorf("%s: %w: %w", what, err, errdefs.ErrFailedPrecondition)
	}
	return &networkError{what: what, err: err}
}

// Transient tells whether an error is worth trying again later: the network,
// a status 429 or 5xx, a time-out. It is false for content that is not there
// (404), not allowed (401, 403), not valid, or not what its digest says, and
// for a cancelled context.
func Transient(err error) bool {
	var netErr net.Error
	switch {
	case err == nil, errors.Is(err, context.Canceled):
		return false
	case errors.Is(err, ErrCorrupt), errors.Is(err, ErrProtocol), errors.Is(err, ErrTooLarge):
		return false
	case errdefs.IsFailedPrecondition(err):
		return false
	}
	return errdefs.IsUnavailable(err) || errors.Is(err, context.DeadlineExceeded) ||
		(errors.As(err, &netErr) && netErr.Timeout())
}
