// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package place

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/core/leases"
	"github.com/containerd/containerd/v2/pkg/namespaces"
	"github.com/containerd/errdefs"
	"github.com/distribution/reference"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// leaseTime bounds how long content of a command that was killed stays.
const leaseTime = 24 * time.Hour

// containerdImage is an image in containerd's image store. What is put is
// held by a lease until Close; by then the image record holds it.
type containerdImage struct {
	name      Name
	namespace string
	client    *client.Client
	content   content.Store
	images    images.Store

	// mu guards lease, made by the first Put.
	mu    sync.Mutex
	lease *leases.Lease
}

var (
	_ Image   = (*containerdImage)(nil)
	_ Indexed = (*containerdImage)(nil)
)

// openContainerd uses c, which stays the caller's.
func openContainerd(name Name, c *client.Client, namespace string) *containerdImage {
	return &containerdImage{name: name, namespace: namespace, client: c, content: c.ContentStore(), images: c.ImageService()}
}

// Name implements Image.
func (c *containerdImage) Name() Name { return c.name }

// Local implements Image.
func (c *containerdImage) Local() bool { return true }

// Resolve implements Source. An image that is not there as written is looked
// up by its full name (docker.io/library/...).
func (c *containerdImage) Resolve(ctx context.Context) (ocispec.Descriptor, error) {
	img, err := c.image(ctx)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	return img.Target, nil
}

func (c *containerdImage) image(ctx context.Context) (images.Image, error) {
	ctx = namespaces.WithNamespace(ctx, c.namespace)
	img, err := c.images.Get(ctx, c.name.Ref)
	if errdefs.IsNotFound(err) {
		if named, perr := reference.ParseDockerRef(c.name.Ref); perr == nil && named.String() != c.name.Ref {
			img, err = c.images.Get(ctx, named.String())
		}
	}
	if err != nil {
		return img, fmt.Errorf("image %s in containerd, namespace %s: %w", c.name.Ref, c.namespace, plainError(err))
	}
	return img, nil
}

// Open implements Source.
func (c *containerdImage) Open(ctx context.Context, desc ocispec.Descriptor) (io.ReadCloser, error) {
	ra, err := c.content.ReaderAt(namespaces.WithNamespace(ctx, c.namespace), desc)
	if err != nil {
		return nil, fmt.Errorf("content %s: %w", desc.Digest, plainError(err))
	}
	return section{content.NewReader(ra), ra}, nil
}

// ReadRange implements Source.
func (c *containerdImage) ReadRange(ctx context.Context, desc ocispec.Descriptor, off, n int64) (io.ReadCloser, error) {
	ra, err := c.content.ReaderAt(namespaces.WithNamespace(ctx, c.namespace), desc)
	if err != nil {
		return nil, fmt.Errorf("content %s: %w", desc.Digest, plainError(err))
	}
	return section{io.NewSectionReader(ra, off, n), ra}, nil
}

// Put implements Sink. A manifest gets the labels that keep what it names
// from being collected, also if it was there already.
func (c *containerdImage) Put(ctx context.Context, desc ocispec.Descriptor, open Content) error {
	ctx, err := c.leased(namespaces.WithNamespace(ctx, c.namespace))
	if err != nil {
		return err
	}
	var labels map[string]string
	if images.IsManifestType(desc.MediaType) || images.IsIndexType(desc.MediaType) {
		if open, labels, err = labelled(desc, open); err != nil {
			return err
		}
	}
	if err := c.write(ctx, desc, open, labels); err != nil {
		return fmt.Errorf("write %s to containerd: %w", desc.Digest, plainError(err))
	}
	return c.label(ctx, desc, labels)
}

func (c *containerdImage) write(ctx context.Context, desc ocispec.Descriptor, open Content, labels map[string]string) error {
	w, err := content.OpenWriter(ctx, c.content, content.WithRef("spry-"+desc.Digest.String()), content.WithDescriptor(desc))
	if errdefs.IsAlreadyExists(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = w.Close() }()
	rc, err := open()
	if err != nil {
		return err
	}
	defer func() { _ = rc.Close() }()
	return content.Copy(ctx, w, rc, desc.Size, desc.Digest, content.WithLabels(labels))
}

// label sets labels on content that has others.
func (c *containerdImage) label(ctx context.Context, desc ocispec.Descriptor, labels map[string]string) error {
	if len(labels) == 0 {
		return nil
	}
	fields := make([]string, 0, len(labels))
	for k := range labels {
		fields = append(fields, "labels."+k)
	}
	if _, err := c.content.Update(ctx, content.Info{Digest: desc.Digest, Labels: labels}, fields...); err != nil {
		return fmt.Errorf("label %s in containerd: %w", desc.Digest, plainError(err))
	}
	return nil
}

// Tag implements Sink.
func (c *containerdImage) Tag(ctx context.Context, desc ocispec.Descriptor, _ []byte) error {
	ctx = namespaces.WithNamespace(ctx, c.namespace)
	img := images.Image{Name: c.name.Ref, Target: ocispec.Descriptor{MediaType: desc.MediaType, Digest: desc.Digest, Size: desc.Size}}
	_, err := c.images.Create(ctx, img)
	if errdefs.IsAlreadyExists(err) {
		_, err = c.images.Update(ctx, img, "target")
	}
	if err != nil {
		return fmt.Errorf("image %s in containerd: %w", c.name.Ref, plainError(err))
	}
	return nil
}

// Close implements Image. It ends the lease, and lets containerd collect what
// nothing holds.
func (c *containerdImage) Close() error {
	if c.lease == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(namespaces.WithNamespace(context.Background(), c.namespace), time.Minute)
	defer cancel()
	err := c.client.LeasesService().Delete(ctx, *c.lease, leases.SynchronousDelete)
	if err != nil && !errdefs.IsNotFound(err) {
		return fmt.Errorf("lease %s: %w", c.lease.ID, plainError(err))
	}
	return nil
}

// leased is ctx under the lease.
func (c *containerdImage) leased(ctx context.Context) (context.Context, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lease == nil {
		l, err := c.client.LeasesService().Create(ctx, leases.WithRandomID(), leases.WithExpiration(leaseTime))
		if err != nil {
			return ctx, fmt.Errorf("lease in containerd: %w", plainError(err))
		}
		c.lease = &l
	}
	return leases.WithLease(ctx, c.lease.ID), nil
}

// plainError keeps what errdefs finds in err and drops the text that gRPC
// puts before it.
func plainError(err error) error {
	switch {
	case err == nil:
		return nil
	case errdefs.IsNotFound(err):
		return errdefs.ErrNotFound
	case errdefs.IsPermissionDenied(err):
		return errdefs.ErrPermissionDenied
	default:
		if s := err.Error(); strings.HasPrefix(s, "rpc error: ") {
			return errors.New(s[strings.LastIndex(s, "desc = ")+len("desc = "):])
		}
		return err
	}
}
