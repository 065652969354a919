// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package snapshot

import (
	"os"
	"slices"
	"strings"

	"github.com/containerd/containerd/v2/plugins/snapshots/overlay/overlayutils"
	"github.com/containerd/log"
)

// overlayOptions returns the options every overlay mount needs on this host,
// after those the operator asked for, which win.
func overlayOptions(root string, configured []string) []string {
	options := slices.Clone(configured)
	if !hasOption(options, "userxattr") {
		need, err := overlayutils.NeedsUserXAttr(root)
		if err != nil {
			log.L.WithError(err).Warn("cannot tell whether overlayfs needs userxattr")
		}
		if need {
			options = append(options, "userxattr")
		}
	}
	// Layers are lower directories of several mounts, which an index forbids.
	_, err := os.Stat("/sys/module/overlay/parameters/index")
	if err == nil && !hasOption(options, "index") {
		options = append(options, "index=off")
	}
	return options
}

func hasOption(options []string, name string) bool {
	return slices.ContainsFunc(options, func(o string) bool {
		key, _, _ := strings.Cut(o, "=")
		return key == name
	})
}
