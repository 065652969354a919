// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/containerd/platforms"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/spf13/cobra"

	"github.com/spryd/spry/cmd/spry/internal/place"
)

func (a *app) indexInfoCommand() *cobra.Command {
	var from, platform string
	cmd := &cobra.Command{
		Use:   "info [flags] DIGEST|IMAGE",
		Short: "Show an index as JSON",
		Example: `  spry index info sha256:fec1449fb874396872c0ec708be2946c297d5164ffa8e7674587c11b6e984c4a
  spry index info --from oci:build sha256:fec1449fb874396872c0ec708be2946c297d5164ffa8e7674587c11b6e984c4a
  spry index info --platform linux/arm64 docker://registry.example/redis:7`,
		Args: exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if dgst := digest.Digest(args[0]); dgst.Validate() == nil {
				return a.indexInfo(cmd.Context(), from, dgst)
			}
			if from != "" {
				return usagef("--from goes with a digest, %s is none", args[0])
			}
			dgst, err := a.indexOf(cmd.Context(), args[0], platform)
			if err != nil {
				return err
			}
			return a.indexInfo(cmd.Context(), args[0], dgst)
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "`place` to look for the digest in: containerd if empty, oci:DIR, oci-archive:FILE, docker://REF")
	cmd.Flags().StringVar(&platform, "platform", "", "`platform` of the image whose index to show")
	return cmd
}

// indexInfo prints the index of a digest.
func (a *app) indexInfo(ctx context.Context, from string, dgst digest.Digest) (err error) {
	img, err := a.openStore(ctx, from)
	if err != nil {
		return err
	}
	defer closing(img, &err)
	b, err := place.ReadManifest(ctx, img, ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: dgst})
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if err := json.Indent(&out, b, "", "  "); err != nil {
		return fmt.Errorf("index %s: %w", dgst, err)
	}
	return a.printf("%s\n", out.Bytes())
}

// indexOf finds the one index of an image, or of one platform of it.
func (a *app) indexOf(ctx context.Context, name, platform string) (digest.Digest, error) {
	found, err := a.indexes(ctx, name)
	if err != nil {
		return "", err
	}
	fits := platforms.All
	if platform != "" {
		p, err := platforms.Parse(platform)
		if err != nil {
			return "", usagef("--platform %s: %w", platform, err)
		}
		fits = platforms.OnlyStrict(p)
	}
	var have []string
	var last digest.Digest
	for _, f := range found {
		if platform != "" && (f.Platform == nil || !fits.Match(*f.Platform)) {
			continue
		}
		last = f.Desc.Digest
		have = append(have, fmt.Sprintf("%s (v%d, %s)", last, f.Index.Version, orDash(newIndexRow(f).Platform)))
	}
	switch len(have) {
	case 0:
		return "", fmt.Errorf("index of %s: %w", name, errdefs.ErrNotFound)
	case 1:
		return last, nil
	default:
		return "", fmt.Errorf("%s has %d indexes, name one:\n  %s", name, len(have), strings.Join(have, "\n  "))
	}
}
