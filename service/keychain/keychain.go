// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package keychain

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Options say where a [Keychain] looks. The zero value is usable.
type Options struct {
	// Paths are config.json files in order of preference; a missing one has
	// no credentials. None is [DefaultPath].
	Paths []string
	// HelperTimeout bounds each run of a helper. 0 is 10 s.
	HelperTimeout time.Duration
}

// Keychain answers who to be at a registry. It is safe for concurrent use.
type Keychain struct {
	files   []*file
	timeout time.Duration
}

// New returns a Keychain. Nothing is read yet.
func New(o Options) *Keychain {
	if len(o.Paths) == 0 {
		o.Paths = []string{DefaultPath()}
	}
	if o.HelperTimeout <= 0 {
		o.HelperTimeout = 10 * time.Second
	}
	k := &Keychain{timeout: o.HelperTimeout}
	for _, p := range o.Paths {
		k.files = append(k.files, &file{path: p})
	}
	return k
}

// DefaultPath is config.json in $DOCKER_CONFIG or in /root/.docker.
func DefaultPath() string {
	dir := os.Getenv("DOCKER_CONFIG")
	if dir == "" {
		dir = "/root/.docker"
	}
	return filepath.Join(dir, "config.json")
}

// Credentials gives the user name and password for a host, as it appears in
// URLs. A secret without a user is an identity token; both empty means that
// nobody is logged in. It has the form that containerd's authorizers want.
func (k *Keychain) Credentials(host string) (user, secret string, err error) {
	for _, f := range k.files {
		c, err := f.config()
		if err != nil {
			return "", "", fmt.Errorf("credentials for %s: %w", host, err)
		}
		found, err := k.lookup(c, host)
		if err != nil {
			return "", "", fmt.Errorf("credentials for %s: %w", host, err)
		}
		if found != (login{}) {
			return found.user, found.secret, nil
		}
	}
	return "", "", nil
}

// lookup asks one file.
func (k *Keychain) lookup(c *config, host string) (login, error) {
	ctx, cancel := context.WithTimeout(context.Background(), k.timeout)
	defer cancel()
	names := aliases(host)
	for _, helper := range c.helpers(names) {
		for _, name := range names {
			found, err := helper.get(ctx, name)
			if err != nil || found != (login{}) {
				return found, err
			}
		}
	}
	return c.login(names)
}
