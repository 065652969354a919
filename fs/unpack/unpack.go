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
	"path/filepath"
	"syscall"

	"github.com/containerd/containerd/v2/pkg/archive"
	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/spryd/spry/fs/below"
	"github.com/spryd/spry/fs/remote"
	"github.com/spryd/spry/index"
)

// readSize is how much is read from the network at a time.
const readSize = 256 << 10

// Source is where blobs come from; *remote.Registry is one.
type Source interface {
	// Open reads the blob that desc describes, from image's repository.
	Open(ctx context.Context, image string, desc ocispec.Descriptor) (io.ReadCloser, error)
}

// Layer unpacks ref's layer into dir, an empty directory. Directories that the
// layer leaves out take their attributes from the layers below. Nothing is cleaned up on
// error: the caller discards dir. A layer that is not what its digest says
// matches remote.ErrCorrupt.
//
// The result is the layer's DiffID: the SHA-256 of all that it decompresses
// to.
func Layer(ctx context.Context, src Source, ref index.LayerRef, dir string, lower *below.Stack) (digest.Digest, error) {
	diffID, err := layer(ctx, src, ref, parents{root: filepath.Clean(dir), below: lower})
	if err != nil {
		return "", fmt.Errorf("unpack layer %s: %w", ref.Layer, err)
	}
	return diffID, nil
}

func layer(ctx context.Context, src Source, ref index.LayerRef, to parents) (digest.Digest, error) {
	if err := ref.Layer.Validate(); err != nil {
		return "", fmt.Errorf("%w: %w", err, errdefs.ErrInvalidArgument)
	}
	blob, err := src.Open(ctx, ref.Image, ocispec.Descriptor{Digest: ref.Layer, Size: ref.Size})
	if err != nil {
		return "", err
	}
	defer func() { _ = blob.Close() }()
	verifier := ref.Layer.Verifier()
	raw := bufio.NewReaderSize(io.TeeReader(blob, verifier), readSize)
	diffID, unpackErr := apply(ctx, raw, to)
	var errno syscall.Errno
	if ctx.Err() != nil || errors.As(unpackErr, &errno) {
		return "", unpackErr // ours: no need for the rest of the bytes
	}
	// The rest counts for the digest, and says whether a broken archive is the
	// image's fault or the transport's.
	if _, err := io.Copy(io.Discard, raw); err != nil {
		return "", err
	}
	if !verifier.Verified() {
		remote.Distrust(blob)
		if unpackErr != nil {
			return "", fmt.Errorf("%w, seen as: %s", remote.ErrCorrupt, unpackErr.Error())
		}
		return "", remote.ErrCorrupt
	}
	return diffID, unpackErr
}

// apply unpacks a possibly compressed archive and returns its DiffID.
func apply(ctx context.Context, raw *bufio.Reader, to parents) (digest.Digest, error) {
	stream, err := decompress(raw)
	if err != nil {
		return "", err
	}
	defer stream.Close()
	diffID := digest.Canonical.Digester()
	hashed := io.TeeReader(stream, diffID.Hash())
	if _, err := archive.Apply(ctx, to.root, hashed,
		archive.WithConvertWhiteout(archive.OverlayConvertWhiteout), archive.WithFilter(to.make)); err != nil {
		return "", err
	}
	// Padding behind the archive counts for the DiffID; checksums of the
	// compression are behind it too.
	if _, err := io.Copy(io.Discard, hashed); err != nil {
		return "", err
	}
	return diffID.Digest(), nil
}
