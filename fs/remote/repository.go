// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package remote

import (
	"context"
	"fmt"
	"strings"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/containerd/containerd/v2/pkg/reference"
	"github.com/containerd/errdefs"
)

// repository is a parsed reference.
type repository struct {
	spec      reference.Spec
	namespace string // the host part, which may lead to other hosts
	name      string // the path below the host
}

// parse takes a reference apart. References come from labels and command
// lines: errors match errdefs.IsInvalidArgument.
func parse(ref string) (repository, error) {
	spec, err := reference.Parse(ref)
	if err != nil {
		return repository{}, fmt.Errorf("reference %q: %w: %w", ref, err, errdefs.ErrInvalidArgument)
	}
	host := spec.Hostname()
	name, ok := strings.CutPrefix(spec.Locator, host+"/")
	if !ok || name == "" {
		return repository{}, fmt.Errorf("reference %q: no repository: %w", ref, errdefs.ErrInvalidArgument)
	}
	return repository{spec: spec, namespace: host, name: name}, nil
}

// tag is the tag of the reference, "" for none.
func (p repository) tag() string {
	tag, _, _ := strings.Cut(p.spec.Object, "@")
	return tag
}

// pull and push attach the token scope an operation needs.
func (p repository) pull(ctx context.Context) (context.Context, error) { return p.scope(ctx, false) }
func (p repository) push(ctx context.Context) (context.Context, error) { return p.scope(ctx, true) }

func (p repository) scope(ctx context.Context, push bool) (context.Context, error) {
	scoped, err := docker.ContextWithRepositoryScope(ctx, p.spec, push)
	if err != nil {
		return nil, fmt.Errorf("reference %q: %w", p.spec, err)
	}
	return scoped, nil
}
