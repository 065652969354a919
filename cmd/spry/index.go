// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package main

import (
	"errors"

	"github.com/spf13/cobra"
)

func (a *app) indexCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "index",
		Short: "List, show and remove indexes",
		Args:  noCommand,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.indexLsCommand(), a.indexInfoCommand(), a.indexRmCommand())
	return cmd
}

// noCommand refuses a subcommand that does not exist.
func noCommand(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("unknown command %q, see %s --help", args[0], cmd.CommandPath())
	}
	return nil
}

// errNotListed says that a place keeps no list of indexes.
var errNotListed = errors.New("indexes cannot be listed there")
