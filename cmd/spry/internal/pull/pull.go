// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

// Package pull pulls an image into containerd for a remote snapshotter and
// tells which of its layers are lazy.
package pull

import (
	"context"
	"fmt"
	"strings"

	"github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/containerd/containerd/v2/pkg/namespaces"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/identity"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/spryd/spry/cmd/spry/internal/progress"
	"github.com/spryd/spry/index"
)

// Options say what to pull.
type Options struct {
	// Client is the connection to containerd; it stays the caller's.
	Client *client.Client
	// Namespace is containerd's.
	Namespace string
	// Ref is the image reference, with host and tag or digest.
	Ref string
	// Snapshotter is the name of the snapshotter in containerd.
	Snapshotter string
	// Platform is what to pull; "" stands for this host's.
	Platform string
	// Index is an index to use whatever the image names; "" leaves it to the
	// snapshotter to find one.
	Index digest.Digest
	// Hosts finds the hosts of a registry.
	Hosts docker.RegistryHosts
	// Display shows the progress; it stays the caller's.
	Display *progress.Display
}

// Report says what was pulled.
type Report struct {
	Image       string        `json:"image"`
	Digest      digest.Digest `json:"digest"`
	Snapshotter string        `json:"snapshotter"`
	Layers      []Layer       `json:"layers"`
}

// Layer says how a layer is served.
type Layer struct {
	Digest digest.Digest `json:"digest"`
	// Size is of the blob in bytes.
	Size int64 `json:"size"`
	Lazy bool  `json:"lazy"`
	// Reason says why the layer is not lazy.
	Reason string `json:"reason,omitempty"`
}

// Pull pulls an image. Layers get the annotations from which a remote
// snapshotter knows what it is asked for; containerd's own clients add them
// only where they are told to.
func Pull(ctx context.Context, o Options) (*Report, error) {
	ctx = namespaces.WithNamespace(ctx, o.Namespace)
	seen := &manifests{}
	opts := []client.RemoteOpt{
		client.WithResolver(docker.NewResolver(docker.ResolverOptions{Hosts: o.Hosts})),
		client.WithPullUnpack,
		client.WithPullSnapshotter(o.Snapshotter),
		client.WithImageHandlerWrapper(annotate(o.Ref, o.Index)),
		client.WithImageHandler(images.HandlerFunc(seen.handle)),
	}
	if o.Platform != "" {
		opts = append(opts, client.WithPlatform(o.Platform))
	}
	w := watch(ctx, o, seen)
	img, err := o.Client.Pull(ctx, o.Ref, opts...)
	w.stop()
	if err != nil {
		return nil, fmt.Errorf("pull %s with snapshotter %s: %w", o.Ref, o.Snapshotter, err)
	}
	return describe(ctx, o, img)
}

// describe looks at the snapshots of the image's layers.
func describe(ctx context.Context, o Options, img client.Image) (*Report, error) {
	cs := o.Client.ContentStore()
	m, err := images.Manifest(ctx, cs, img.Target(), img.Platform())
	if err != nil {
		return nil, fmt.Errorf("manifest of %s: %w", o.Ref, err)
	}
	chain, err := chainIDs(ctx, cs, m)
	if err != nil {
		return nil, err
	}
	rep := &Report{Image: img.Name(), Digest: img.Target().Digest, Snapshotter: o.Snapshotter, Layers: []Layer{}}
	sn := o.Client.SnapshotService(o.Snapshotter)
	for i, desc := range m.Layers {
		if i >= len(chain) {
			break
		}
		info, err := sn.Stat(ctx, chain[i].String())
		if err != nil {
			return nil, fmt.Errorf("snapshot of layer %s: %w", desc.Digest, err)
		}
		rep.Layers = append(rep.Layers, layerOf(desc, info))
	}
	return rep, nil
}

func layerOf(desc ocispec.Descriptor, info snapshots.Info) Layer {
	l := Layer{Digest: desc.Digest, Size: desc.Size}
	switch {
	case info.Labels[index.LabelRemote] != "":
		l.Lazy = true
	case info.Labels[index.LabelReason] != "":
		l.Reason = shortReason(info.Labels[index.LabelReason])
	case info.Labels[index.LabelHasIndex] != "":
		l.Reason = "the index of the image cannot present this layer"
	default:
		l.Reason = "the image has no index, or the layer was there before"
	}
	return l
}

// shortReason is what a snapshotter says without which layer it says it of.
func shortReason(s string) string {
	if _, why, ok := strings.Cut(s, index.ErrNotLazy.Error()+": "); ok {
		return why
	}
	return s
}

// chainIDs are the names of the snapshots of an image's layers.
func chainIDs(ctx context.Context, cs content.Provider, m ocispec.Manifest) ([]digest.Digest, error) {
	diffIDs, err := images.RootFS(ctx, cs, m.Config)
	if err != nil {
		return nil, fmt.Errorf("config %s: %w", m.Config.Digest, err)
	}
	return identity.ChainIDs(diffIDs), nil
}
