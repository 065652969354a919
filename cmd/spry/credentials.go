// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package main

import (
	"fmt"
	"strings"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"golang.org/x/term"

	"github.com/spryd/spry/fs/remote"
)

// hosts finds registries by the global flags.
func (a *app) hosts() (docker.RegistryHosts, error) {
	credentials, err := a.credentials()
	if err != nil {
		return nil, err
	}
	return remote.Hosts(remote.HostOptions{ConfigDirs: a.hostsDirs, Credentials: credentials, PlainHTTP: a.plainHTTP}), nil
}

// credentials are what --user says, or else what docker login has left.
func (a *app) credentials() (func(host string) (user, secret string, err error), error) {
	if a.user == "" {
		return nil, nil
	}
	user, secret, ok := strings.Cut(a.user, ":")
	if !ok {
		var err error
		if secret, err = a.askPassword(user); err != nil {
			return nil, err
		}
		a.user = user + ":" + secret
	}
	return func(string) (string, string, error) { return user, secret, nil }, nil
}

// askPassword reads a password from the terminal.
func (a *app) askPassword(user string) (string, error) {
	const stdin = 0
	if !term.IsTerminal(stdin) {
		return "", usagef("--user %s: no password, and no terminal to ask for it", user)
	}
	fmt.Fprintf(a.errOut, "Password of %s: ", user)
	b, err := term.ReadPassword(stdin)
	fmt.Fprintln(a.errOut)
	if err != nil {
		return "", fmt.Errorf("read password: %w", err)
	}
	return string(b), nil
}
