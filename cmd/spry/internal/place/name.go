// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package place

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/distribution/reference"
)

// Name is a parsed image name.
type Name struct {
	// Kind is the kind of place.
	Kind Kind
	// Path is the directory or file of a layout.
	Path string
	// Tag is the tag inside a layout, "" if none was given.
	Tag string
	// Ref is the image reference, for containerd as it was written, for a
	// registry with host, repository and tag or digest.
	Ref string
}

// foreign are transports of other tools that are no image references.
var foreign = []string{"docker-archive:", "docker-daemon:", "containers-storage:", "ostree:", "sif:", "tarball:", "http://", "https://"}

// layoutTag is what the image-spec allows as a reference name.
var layoutTag = regexp.MustCompile(`^[A-Za-z0-9]+([-._:@/+]+[A-Za-z0-9]+)*$`)

// Parse reads an image name:
//
//	REF, containerd:REF       an image in containerd
//	oci:DIR[:TAG]             an image in an OCI layout
//	oci-archive:FILE[:TAG]    an image in a tar of an OCI layout
//	docker://REF              an image in a registry
func Parse(s string) (Name, error) {
	for _, f := range foreign {
		if strings.HasPrefix(s, f) {
			return Name{}, fmt.Errorf("image name %q: %s is not supported, want REF, containerd:REF, oci:DIR[:TAG], oci-archive:FILE[:TAG] or docker://REF", s, strings.TrimSuffix(f, ":"))
		}
	}
	n, err := parse(s)
	if err != nil {
		return Name{}, fmt.Errorf("image name %q: %w", s, err)
	}
	return n, nil
}

func parse(s string) (Name, error) {
	for _, k := range []Kind{Layout, Archive} {
		if rest, ok := strings.CutPrefix(s, k.prefix()); ok {
			return parseLayout(k, rest)
		}
	}
	if rest, ok := strings.CutPrefix(s, Registry.prefix()); ok {
		named, err := reference.ParseDockerRef(rest)
		if err != nil {
			return Name{}, err
		}
		return Name{Kind: Registry, Ref: named.String()}, nil
	}
	ref := strings.TrimPrefix(s, Containerd.prefix())
	if ref == "" || strings.ContainsAny(ref, " \t\n") {
		return Name{}, errors.New("want an image reference")
	}
	return Name{Kind: Containerd, Ref: ref}, nil
}

func parseLayout(k Kind, s string) (Name, error) {
	path, tag, tagged := strings.Cut(s, ":")
	if path == "" {
		return Name{}, errors.New("want a path")
	}
	if tagged && !layoutTag.MatchString(tag) {
		return Name{}, fmt.Errorf("%q is not a tag", tag)
	}
	return Name{Kind: k, Path: filepath.Clean(path), Tag: tag}, nil
}

// String is the name as Parse reads it.
func (n Name) String() string {
	switch n.Kind {
	case Layout, Archive:
		if n.Tag != "" {
			return n.Kind.prefix() + n.Path + ":" + n.Tag
		}
		return n.Kind.prefix() + n.Path
	case Registry:
		return n.Kind.prefix() + n.Ref
	default:
		if again, err := Parse(n.Ref); err != nil || again != n {
			return n.Kind.prefix() + n.Ref // looks like something else
		}
		return n.Ref
	}
}

// SamePlace says whether both names are of the same store, so that content of
// one need not be copied for the other.
func (n Name) SamePlace(o Name) bool {
	if n.Kind != o.Kind {
		return false
	}
	switch n.Kind {
	case Layout, Archive:
		return absolute(n.Path) == absolute(o.Path)
	case Registry:
		return repository(n.Ref) == repository(o.Ref)
	default:
		return true
	}
}

func absolute(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	if real, err := filepath.EvalSymlinks(abs); err == nil {
		return real
	}
	return abs
}

// repository is host and repository of a registry reference.
func repository(ref string) string {
	named, err := reference.ParseDockerRef(ref)
	if err != nil {
		return ref
	}
	return named.Name()
}
