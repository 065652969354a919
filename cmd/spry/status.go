// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package main

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/spryd/spry/cmd/spry/internal/progress"
	"github.com/spryd/spry/service/status"
)

// defaultStatus is where spryd answers unless it is configured otherwise.
const defaultStatus = "/run/spryd/status.sock"

func (a *app) statusCommand() *cobra.Command {
	var asJSON, layers bool
	var address string
	cmd := &cobra.Command{
		Use:   "status [flags]",
		Short: "Show which images run lazily on this host, and how far they are",
		Long: `Show which images run lazily on this host, and how far they are.

States: lazy (some of it is fetched on demand), whole (all is local), plain
(proven equal to the layer and served without FUSE), condemned (the index lied).
Layers are shown to new containers as a directory, as erofs (the kernel knows all
names, contents come through FUSE), through FUSE with passthrough (the kernel reads
complete large files on its own) or through fuse alone.`,
		Example: `  spry status
  spry status --layers
  spry status --json`,
		Args: rangeArgs(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := status.Get(cmd.Context(), address)
			switch {
			case err != nil:
				return err
			case asJSON:
				return a.printJSON(r)
			case layers:
				return a.printLayers(r.Layers)
			default:
				return errors.Join(a.printImages(r.Images), a.printReads(r.Reads))
			}
		},
	}
	cmd.Flags().StringVar(&address, "status-address", defaultStatus, "`address` of the daemon's status: a socket or HOST:PORT")
	cmd.Flags().BoolVar(&layers, "layers", false, "list layers instead of images")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print all of it as JSON")
	return cmd
}

func (a *app) printImages(images []status.Image) error {
	table := [][]string{{"IMAGE", "STATE", "LAZY LAYERS", "SIZE", "MISSING"}}
	for _, i := range images {
		table = append(table, []string{i.Name, i.State, strconv.Itoa(i.Layers), progress.Size(i.Size), progress.Size(i.Missing)})
	}
	return a.table(table)
}

// printReads says what is wrong with reads, if anything is.
func (a *app) printReads(r status.Reads) error {
	if r.Waiting == 0 && r.Slow == 0 && r.Failed == 0 {
		return nil
	}
	_, err := fmt.Fprintf(a.out, "\n%d reads wait for data now; since the daemon began, %d waited longer than fetch.slow and %d failed\n",
		r.Waiting, r.Slow, r.Failed)
	return err
}

func (a *app) printLayers(layers []status.Layer) error {
	table := [][]string{{"LAYER", "STATE", "SPANS", "SIZE", "MISSING", "SHOWN", "MOUNTPOINT", "ERROR"}}
	for _, l := range layers {
		table = append(table, []string{l.Digest, l.State, strconv.Itoa(l.Spans), progress.Size(l.Size),
			progress.Size(l.Missing), orDash(l.Shown), orDash(l.Mountpoint), orDash(l.Error)})
	}
	return a.table(table)
}
