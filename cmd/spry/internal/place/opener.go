// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package place

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"

	"github.com/containerd/containerd/v2/client"

	"github.com/spryd/spry/fs/remote"
)

// Options say how places are reached.
type Options struct {
	// Address is the path of containerd's socket.
	Address string
	// Namespace is the containerd namespace.
	Namespace string
	// Registry reaches registries; it stays the caller's.
	Registry *remote.Registry
}

// Opener opens images. Connections are made when first needed and shared. It
// is safe for concurrent use.
type Opener struct {
	options Options

	// mu guards client.
	mu     sync.Mutex
	client *client.Client
}

// NewOpener makes an opener; Close it after the images it opened.
func NewOpener(o Options) *Opener { return &Opener{options: o} }

// Open opens the image of a name, which need not exist yet; the caller closes
// it.
func (o *Opener) Open(ctx context.Context, name Name) (Image, error) {
	switch name.Kind {
	case Layout:
		return openLayout(name)
	case Archive:
		return openArchive(name)
	case Registry:
		return openRegistry(name, o.options.Registry), nil
	case Containerd:
		c, err := o.Client(ctx)
		if err != nil {
			return nil, err
		}
		return openContainerd(name, c, o.options.Namespace), nil
	default:
		return nil, fmt.Errorf("open %s: %w", name, errors.ErrUnsupported)
	}
}

// Client is the connection to containerd; it stays the opener's.
func (o *Opener) Client(ctx context.Context) (*client.Client, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.client == nil {
		// The client connects when it is first used, and its errors about that
		// say little.
		var d net.Dialer
		conn, err := d.DialContext(ctx, "unix", strings.TrimPrefix(o.options.Address, "unix://"))
		if err != nil {
			return nil, fmt.Errorf("containerd at %s: %w", o.options.Address, err)
		}
		_ = conn.Close()
		c, err := client.New(o.options.Address)
		if err != nil {
			return nil, fmt.Errorf("containerd at %s: %w", o.options.Address, err)
		}
		o.client = c
	}
	return o.client, nil
}

// Close ends the connections.
func (o *Opener) Close() error {
	if o.client == nil {
		return nil
	}
	return o.client.Close()
}
