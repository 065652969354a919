// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package snapshot

import (
	"maps"
	"strings"

	"github.com/containerd/containerd/v2/core/snapshots"

	"github.com/spryd/spry/index"
)

const (
	// labelParentChain is set by containerd on a layer that is not the lowest.
	// Together with an empty parent it announces a rebase at Commit.
	labelParentChain = "containerd.io/snapshot/parent-chain-id"
	// labelStaged marks an active snapshot that already holds its layer.
	labelStaged = ownPrefix + "staged"
	// labelUnpacked marks a snapshot whose layer could not stay lazy.
	labelUnpacked = ownPrefix + "unpacked"
	// ownPrefix is the prefix of labels that only this package writes.
	ownPrefix = "containerd.io/snapshot/remote/spry."
)

// maxReason bounds index.LabelReason in bytes; containerd refuses labels over
// 4096 bytes.
const maxReason = 512

// isOwn says whether only this package may write the label.
func isOwn(key string) bool {
	switch key {
	case index.LabelRemote, index.LabelHasIndex, index.LabelNamespace:
		return true
	}
	return strings.HasPrefix(key, ownPrefix)
}

// labelsOf applies the options of a request and drops the labels that a
// request must not set.
func labelsOf(opts []snapshots.Opt) (snapshots.Info, error) {
	var info snapshots.Info
	for _, opt := range opts {
		if err := opt(&info); err != nil {
			return snapshots.Info{}, err
		}
	}
	info.Labels = maps.Clone(info.Labels)
	maps.DeleteFunc(info.Labels, func(k, _ string) bool { return isOwn(k) })
	return info, nil
}

// withOwn returns labels with all own labels of from.
func withOwn(labels, from map[string]string) map[string]string {
	merged := maps.Clone(labels)
	if merged == nil {
		merged = make(map[string]string)
	}
	for k, v := range from {
		if isOwn(k) {
			merged[k] = v
		}
	}
	return merged
}

func isRebase(labels map[string]string, parent string) bool {
	return parent == "" && labels[index.LabelTarget] != "" && labels[labelParentChain] != ""
}

// shorten makes an error's text fit into a label.
func shorten(reason string) string {
	reason = strings.ToValidUTF8(strings.Join(strings.Fields(reason), " "), "?")
	if len(reason) <= maxReason {
		return reason
	}
	return strings.ToValidUTF8(reason[:maxReason-3], "") + "..."
}
