// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"golang.org/x/term"

	"github.com/spryd/spry/fs/remote"
	"github.com/spryd/spry/service/keychain"
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
		return keychain.New(keychain.Options{Paths: []string{dockerConfig()}}).Credentials, nil
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

// dockerConfig is where docker login and nerdctl login leave credentials.
func dockerConfig() string {
	dir := os.Getenv("DOCKER_CONFIG")
	if dir == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return keychain.DefaultPath()
		}
		dir = filepath.Join(home, ".docker")
	}
	return filepath.Join(dir, "config.json")
}

// askPassword reads a password from the terminal.
func (a *app) askPassword(user string) (string, error) {
	const stdin = 0
	if !term.IsTerminal(stdin) {
		return "", usagef("--user %s: no password, and no terminal to ask for it", user)
	}
	_, _ = fmt.Fprintf(a.errOut, "Password of %s: ", user)
	b, err := term.ReadPassword(stdin)
	_, _ = fmt.Fprintln(a.errOut)
	if err != nil {
		return "", fmt.Errorf("read password: %w", err)
	}
	return string(b), nil
}
