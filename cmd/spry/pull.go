// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package main

import (
	"github.com/distribution/reference"
	"github.com/spf13/cobra"

	"github.com/spryd/spry/cmd/spry/internal/place"
	"github.com/spryd/spry/cmd/spry/internal/progress"
	"github.com/spryd/spry/cmd/spry/internal/pull"
)

func (a *app) pullCommand() *cobra.Command {
	var snapshotter, platform string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "pull [flags] REF",
		Short: "Pull an image into containerd, lazily",
		Long: `Pull an image into containerd with what a remote snapshotter has to know about
its layers, and tell for each layer whether it is lazy and, if not, why.`,
		Example: `  spry pull registry.example/redis:7
  spry --namespace k8s.io pull --platform linux/arm64 registry.example/redis:7`,
		Args: exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			n, err := place.Parse(args[0])
			if err != nil {
				return &usageError{err}
			}
			if n.Kind != place.Containerd && n.Kind != place.Registry {
				return usagef("%s: want the reference of an image in a registry", n)
			}
			named, err := reference.ParseDockerRef(n.Ref)
			if err != nil {
				return usagef("%s: %w", n, err)
			}
			o := pull.Options{Namespace: a.namespace, Ref: named.String(), Snapshotter: snapshotter, Platform: platform, Display: a.progress()}
			if o.Hosts, err = a.hosts(); err != nil {
				return err
			}
			places, err := a.places()
			if err != nil {
				return err
			}
			if o.Client, err = places.Client(cmd.Context()); err != nil {
				return err
			}
			rep, err := pull.Pull(cmd.Context(), o)
			if err != nil {
				return err
			}
			return a.printPull(rep, asJSON)
		},
	}
	cmd.Flags().StringVar(&snapshotter, "snapshotter", envOr("CONTAINERD_SNAPSHOTTER", "spry"), "`name` of the snapshotter in containerd (CONTAINERD_SNAPSHOTTER)")
	cmd.Flags().StringVar(&platform, "platform", "", "`platform` to pull, this host's if empty")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (a *app) printPull(rep *pull.Report, asJSON bool) error {
	if asJSON {
		return a.printJSON(rep)
	}
	lazy := 0
	var rows [][]string
	for _, l := range rep.Layers {
		state := "lazy"
		if l.Lazy {
			lazy++
		} else {
			state = "not lazy: " + l.Reason
		}
		rows = append(rows, []string{l.Digest.String(), progress.Size(l.Size), state})
	}
	if err := a.table(rows); err != nil {
		return err
	}
	return a.printf("%s %s: %d of %d layers are lazy\n", rep.Image, rep.Digest, lazy, len(rep.Layers))
}
