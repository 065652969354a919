// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package place

// Kind is a kind of place.
type Kind uint8

// The kinds of places.
const (
	// Containerd is containerd's image store.
	Containerd Kind = iota + 1
	// Layout is an OCI layout in a directory.
	Layout
	// Archive is an OCI layout in a tar file.
	Archive
	// Registry is a registry, reached without containerd.
	Registry
)

// prefix is what an image name of the kind starts with.
func (k Kind) prefix() string {
	switch k {
	case Containerd:
		return "containerd:"
	case Layout:
		return "oci:"
	case Archive:
		return "oci-archive:"
	case Registry:
		return "docker://"
	default:
		return "unknown:"
	}
}
