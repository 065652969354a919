// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package main

import (
	"context"

	"github.com/distribution/reference"
	"github.com/spf13/cobra"

	"github.com/spryd/spry/cmd/spry/internal/job"
	"github.com/spryd/spry/cmd/spry/internal/place"
)

func (a *app) pushCommand() *cobra.Command {
	var flags platformFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "push [flags] IMAGE [docker://REF]",
		Short: "Push the indexes of an image to its registry",
		Long: `Push the indexes of IMAGE to its registry. Indexes beside an image (spry create)
are pushed alone, as referrers of the image, which must be there already. An
image that names its indexes (spry convert) is pushed whole.

An image in containerd goes where its name says; an image in a layout needs
the second argument.`,
		Example: `  spry push registry.example/redis:7
  spry push --platform linux/arm64 --user me registry.example/redis:7
  spry push oci:build:latest docker://registry.example/redis:7`,
		Args: rangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			o := job.Options{AllPlatforms: flags.allPlatforms, Display: a.progress()}
			var err error
			if o.Platforms, err = flags.parse(); err != nil {
				return err
			}
			rep, err := a.push(cmd.Context(), args, o)
			if err != nil {
				return err
			}
			return a.printPush(rep, asJSON)
		},
	}
	flags.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print what was pushed as JSON")
	return cmd
}

func (a *app) push(ctx context.Context, args []string, o job.Options) (rep *job.PushReport, err error) {
	src, err := a.open(ctx, args[0])
	if err != nil {
		return nil, err
	}
	defer closing(src, &err)
	to, err := pushTarget(src.Name(), args[1:])
	if err != nil {
		return nil, err
	}
	dst, err := a.openName(ctx, to)
	if err != nil {
		return nil, err
	}
	defer closing(dst, &err)
	return job.Push(ctx, src, dst, o)
}

// pushTarget says where an image is pushed to.
func pushTarget(src place.Name, args []string) (place.Name, error) {
	if len(args) == 0 {
		if src.Kind != place.Containerd {
			return place.Name{}, usagef("%s: say where to push with docker://REF", src)
		}
		named, err := reference.ParseDockerRef(src.Ref)
		if err != nil {
			return place.Name{}, usagef("%s: %w", src, err)
		}
		return place.Name{Kind: place.Registry, Ref: named.String()}, nil
	}
	to, err := place.Parse(args[0])
	if err != nil {
		return to, &usageError{err}
	}
	if to.Kind != place.Registry {
		return to, usagef("%s is no registry, want docker://REF", to)
	}
	return to, nil
}

func (a *app) printPush(rep *job.PushReport, asJSON bool) error {
	if asJSON {
		return a.printJSON(rep)
	}
	digests := rep.Indexes
	if rep.Image != "" {
		digests = []string{rep.Image}
	}
	for _, d := range digests {
		if err := a.printf("%s\n", d); err != nil {
			return err
		}
	}
	return nil
}
