// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package main

import (
	"context"
	"errors"
	"io"
	"os"

	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/spf13/cobra"

	"github.com/spryd/spry/cmd/spry/internal/place"
	"github.com/spryd/spry/cmd/spry/internal/ztocfile"
)

// getFile are the arguments of ztoc get-file.
type getFile struct{ from, ztoc, path, layer, output string }

func (a *app) ztocGetFileCommand() *cobra.Command {
	var g getFile
	cmd := &cobra.Command{
		Use:   "get-file [flags] DIGEST FILE",
		Short: "Read a file of a layer by its ztoc",
		Long: `Read FILE from the layer that the ztoc DIGEST describes. Only the spans of the
file are read, each verified: from the place of the ztoc if that has the layer,
from the image's registry otherwise. Links are followed within the layer.`,
		Example: `  spry ztoc get-file sha256:70c5eeb3fbbca751d5b289b0b8ece6cf71c0f35f73e7a328c90e2a452bddeac4 /etc/os-release
  spry ztoc get-file --from oci:build -o os-release sha256:70c5eeb3fbbca751d5b289b0b8ece6cf71c0f35f73e7a328c90e2a452bddeac4 etc/os-release`,
		Args: exactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			g.ztoc, g.path = args[0], args[1]
			return a.getFile(cmd.Context(), g)
		},
	}
	fromFlag(cmd, &g.from)
	cmd.Flags().StringVarP(&g.output, "output", "o", "", "`file` to write to, stdout if empty")
	cmd.Flags().StringVar(&g.layer, "layer", "", "`digest` of the layer, for a ztoc that no index names")
	return cmd
}

func (a *app) getFile(ctx context.Context, g getFile) (err error) {
	img, err := a.openStore(ctx, g.from)
	if err != nil {
		return err
	}
	defer closing(img, &err)
	z, err := readZtoc(ctx, img, g.ztoc)
	if err != nil {
		return err
	}
	blob, err := a.layerBlob(ctx, img, g)
	if err != nil {
		return err
	}
	if g.output == "" {
		return ztocfile.Extract(ctx, z, g.path, blob, a.out)
	}
	f, err := os.Create(g.output)
	if err != nil {
		return err
	}
	err = errors.Join(ztocfile.Extract(ctx, z, g.path, blob, f), f.Close())
	if err != nil {
		_ = os.Remove(g.output)
	}
	return err
}

// layerBlob finds the bytes of the layer: at img, or in the registry of an
// image whose layer containerd does not keep.
func (a *app) layerBlob(ctx context.Context, img place.Image, g getFile) (ztocfile.Blob, error) {
	layer, images := digest.Digest(g.layer), []string(nil)
	if layer == "" {
		l, f, err := layerOf(ctx, img, digest.Digest(g.ztoc))
		if err != nil {
			return nil, err
		}
		layer, images = l.Layer, f.Images
	} else if err := layer.Validate(); err != nil {
		return nil, usagef("--layer %s: %w", g.layer, err)
	}
	desc := ocispec.Descriptor{MediaType: ocispec.MediaTypeImageLayer, Digest: layer}
	return func(ctx context.Context, off, n int64) (io.ReadCloser, error) {
		rc, err := img.ReadRange(ctx, desc, off, n)
		if !errdefs.IsNotFound(err) || img.Name().Kind != place.Containerd || len(images) == 0 {
			return rc, err
		}
		registry, perr := place.Parse("docker://" + images[0])
		if perr != nil {
			return nil, err
		}
		r, perr := a.openName(ctx, registry)
		if perr != nil {
			return nil, err
		}
		return r.ReadRange(ctx, desc, off, n)
	}, nil
}
