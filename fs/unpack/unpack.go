// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

// Package unpack downloads a layer and unpacks it as it arrives, the ordinary
// way, into what overlayfs expects of a lower directory: whiteouts are
// character devices 0:0, opaque directories carry trusted.overlay.opaque.
//
// The digest of the layer is known to be right only when everything has been
// written. On any error what is in the directory is not to be used.
package unpack

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"syscall"

	"github.com/containerd/containerd/v2/pkg/archive"
	"github.com/containerd/errdefs"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/spryd/spry/fs/remote"
	"github.com/spryd/spry/index"
)

// readSize is how much is read from the network at a time.
const readSize = 256 << 10

// Layer unpacks ref's layer into dir, an empty directory. parents are the
// directories of the layers below, the uppermost first; directories that the
// layer leaves out take their attributes from there. Nothing is cleaned up on
// error: the caller discards dir. A layer that is not what its digest says
// matches remote.ErrCorrupt.
func Layer(ctx context.Context, reg *remote.Registry, ref index.LayerRef, dir string, parents []string) error {
	if err := layer(ctx, reg, ref, dir, parents); err != nil {
		return fmt.Errorf("unpack layer %s: %w", ref.Layer, err)
	}
	return nil
}

func layer(ctx context.Context, reg *remote.Registry, ref index.LayerRef, dir string, parents []string) error {
	if err := ref.Layer.Validate(); err != nil {
		return fmt.Errorf("%w: %w", err, errdefs.ErrInvalidArgument)
	}
	blob, err := reg.Open(ctx, ref.Image, ocispec.Descriptor{Digest: ref.Layer, Size: ref.Size})
	if err != nil {
		return err
	}
	defer func() { _ = blob.Close() }()
	verifier := ref.Layer.Verifier()
	raw := bufio.NewReaderSize(io.TeeReader(blob, verifier), readSize)
	unpackErr := apply(ctx, raw, dir, parents)
	var errno syscall.Errno
	if ctx.Err() != nil || errors.As(unpackErr, &errno) {
		return unpackErr // ours: no need for the rest of the bytes
	}
	// The rest counts for the digest, and says whether a broken archive is the
	// image's fault or the transport's.
	if _, err := io.Copy(io.Discard, raw); err != nil {
		return err
	}
	if !verifier.Verified() {
		remote.Distrust(blob)
		if unpackErr != nil {
			return fmt.Errorf("%w, seen as: %s", remote.ErrCorrupt, unpackErr.Error())
		}
		return remote.ErrCorrupt
	}
	return unpackErr
}

// apply unpacks a possibly compressed archive.
func apply(ctx context.Context, raw *bufio.Reader, dir string, parents []string) error {
	stream, err := decompress(raw)
	if err != nil {
		return err
	}
	defer stream.Close()
	opts := []archive.ApplyOpt{archive.WithConvertWhiteout(archive.OverlayConvertWhiteout)}
	if len(parents) > 0 {
		opts = append(opts, archive.WithParents(parents))
	}
	if _, err := archive.Apply(ctx, dir, stream, opts...); err != nil {
		return err
	}
	// Padding behind the archive; checksums of the compression are in it too.
	_, err = io.Copy(io.Discard, stream)
	return err
}
