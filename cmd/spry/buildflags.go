// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"

	"github.com/containerd/platforms"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/spf13/cobra"

	"github.com/spryd/spry/cmd/spry/internal/job"
	"github.com/spryd/spry/index"
	"github.com/spryd/spry/index/build"
	"github.com/spryd/spry/index/convert"
	"github.com/spryd/spry/index/ztoc"
)

// xattrOptimization is the one optimization there is.
const xattrOptimization = "xattr"

// platformFlags choose platforms of an image.
type platformFlags struct {
	platforms    []string
	allPlatforms bool
}

func (p *platformFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVar(&p.platforms, "platform", nil, "`platform` such as linux/arm64 (repeatable); without it this host's, or the image's if it has only one")
	f.BoolVar(&p.allPlatforms, "all-platforms", false, "all platforms of the image")
}

func (p *platformFlags) parse() ([]ocispec.Platform, error) {
	if p.allPlatforms && len(p.platforms) > 0 {
		return nil, usagef("--platform and --all-platforms exclude each other")
	}
	var out []ocispec.Platform
	for _, s := range p.platforms {
		spec, err := platforms.Parse(s)
		if err != nil {
			return nil, usagef("--platform %s: %w", s, err)
		}
		out = append(out, spec)
	}
	return out, nil
}

// buildFlags say how layers are indexed.
type buildFlags struct {
	platformFlags
	spanSize, minLayerSize size
	formats                []string
	compactSpanSize        size
	prefetchFiles          []string
	prefetchJSON           string
	optimizations          []string
	force                  bool
}

func (b *buildFlags) add(cmd *cobra.Command) {
	b.platformFlags.add(cmd)
	b.spanSize, b.minLayerSize = ztoc.DefaultSpanSize, index.SmallLayer
	b.compactSpanSize = build.DefaultFineSpanSize
	f := cmd.Flags()
	f.StringSliceVar(&b.formats, "format", []string{formatSOCI, formatCompact}, "`forms` of the index: soci is what every implementation reads, compact is smaller and finer and comes with it")
	f.Var(&b.spanSize, "span-size", "uncompressed size of the pieces in which a layer can be read")
	f.Var(&b.compactSpanSize, "compact-span-size", "about the same for the compact form: each piece is divided evenly")
	f.Var(&b.minLayerSize, "min-layer-size", "compressed size below which a layer gets no index; other tools have 10MiB")
	f.StringArrayVar(&b.prefetchFiles, "prefetch-file", nil, "`path` in the image to fetch before it is asked for (repeatable)")
	f.StringVar(&b.prefetchJSON, "prefetch-files-json", "", "`file` with a JSON array of such paths")
	f.StringArrayVar(&b.optimizations, "optimizations", nil, "`optimization` to apply: xattr notes layers without extended attributes (repeatable)")
	f.BoolVar(&b.force, "force", false, "index layers again that have an index already")
}

// options are the flags as the job wants them.
func (b *buildFlags) options(a *app) (job.Options, error) {
	o := job.Options{
		SpanSize: int64(b.spanSize), MinLayerSize: int64(b.minLayerSize),
		AllPlatforms: b.allPlatforms, PrefetchFiles: b.prefetchFiles, Force: b.force,
	}
	if b.spanSize < 1 || b.spanSize > ztoc.MaxSpanSize {
		return o, usagef("--span-size %d: want 1 to %d", b.spanSize, int64(ztoc.MaxSpanSize))
	}
	if err := b.parseFormats(&o); err != nil {
		return o, err
	}
	for _, name := range b.optimizations {
		if name != xattrOptimization {
			return o, usagef("--optimizations %s: unknown, there is only %s", name, xattrOptimization)
		}
		o.MarkXattrs = true
	}
	var err error
	if o.Platforms, err = b.parse(); err != nil {
		return o, err
	}
	if b.prefetchJSON != "" {
		more, err := readPaths(b.prefetchJSON)
		if err != nil {
			return o, err
		}
		o.PrefetchFiles = append(o.PrefetchFiles, more...)
	}
	o.Display = a.progress()
	return o, nil
}

// Values of --format.
const (
	formatSOCI    = "soci"
	formatCompact = "compact"
)

// parseFormats sets the forms of index in o.
func (b *buildFlags) parseFormats(o *job.Options) error {
	for _, f := range b.formats {
		if f != formatSOCI && f != formatCompact {
			return usagef("--format %s: want %s or %s,%s", f, formatSOCI, formatSOCI, formatCompact)
		}
	}
	if !slices.Contains(b.formats, formatSOCI) {
		return usagef("--format: there is no index without %s", formatSOCI)
	}
	if !slices.Contains(b.formats, formatCompact) {
		return nil
	}
	if b.compactSpanSize < 1 || b.compactSpanSize > ztoc.MaxSpanSize {
		return usagef("--compact-span-size %d: want 1 to %d", b.compactSpanSize, int64(ztoc.MaxSpanSize))
	}
	o.CompactSpanSize = int64(b.compactSpanSize)
	return nil
}

// convertFlags say how an image is converted.
type convertFlags struct {
	buildFlags
	indexPlatform string
}

// Values of --index-platform.
const (
	platformOfImage = "image"
	platformUnknown = "unknown"
)

func (c *convertFlags) add(cmd *cobra.Command) {
	c.buildFlags.add(cmd)
	cmd.Flags().StringVar(&c.indexPlatform, "index-platform", platformUnknown, "how the image describes its indexes: `unknown` keeps containerd from fetching them as part of the image; image gives them the platform of what they are for, as other tools do")
}

func (c *convertFlags) options(a *app) (job.Options, error) {
	o, err := c.buildFlags.options(a)
	switch c.indexPlatform {
	case platformOfImage:
		o.IndexPlatform = convert.RealPlatform
	case platformUnknown:
		o.IndexPlatform = convert.UnknownPlatform
	default:
		return o, usagef("--index-platform %s: want %s or %s", c.indexPlatform, platformOfImage, platformUnknown)
	}
	return o, err
}

func readPaths(file string) ([]string, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("--prefetch-files-json: %w", err)
	}
	var paths []string
	if err := json.Unmarshal(b, &paths); err != nil {
		return nil, fmt.Errorf("--prefetch-files-json %s: want an array of strings: %w", file, err)
	}
	return paths, nil
}
