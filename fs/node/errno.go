// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package node

import (
	"context"
	"errors"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// errno is what a reader is told of err: EINTR if it gave up itself, else EIO.
// A deadline that passed (context.DeadlineExceeded) is EIO.
func errno(err error) fuse.Status {
	switch {
	case err == nil:
		return fuse.OK
	case errors.Is(err, context.Canceled):
		return fuse.EINTR
	default:
		return fuse.EIO
	}
}
