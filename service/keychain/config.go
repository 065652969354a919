// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package keychain

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
)

// config is what concerns us of a config.json.
type config struct {
	Auths       map[string]entry  `json:"auths"`
	CredsStore  string            `json:"credsStore"`
	CredHelpers map[string]string `json:"credHelpers"`
}

// entry is one login of auths.
type entry struct {
	Auth          string `json:"auth"` // base64 of user:password
	Username      string `json:"username"`
	Password      string `json:"password"`
	IdentityToken string `json:"identitytoken"`
}

// login is what to say at a registry; a secret without a user is an identity
// token, zero is nothing.
type login struct{ user, secret string }

// parse decodes a config.json. Errors do not repeat its content.
func parse(b []byte) (*config, error) {
	c := &config{}
	if len(bytes.TrimSpace(b)) == 0 {
		return c, nil
	}
	if err := json.Unmarshal(b, c); err != nil {
		return nil, fmt.Errorf("no valid config.json: %w", err)
	}
	return c, nil
}

// helpers are the helpers to ask for a host under any of its names.
func (c *config) helpers(names []string) []helper {
	var found []helper
	for _, name := range names {
		if h := c.CredHelpers[name]; h != "" {
			found = append(found, helper(h))
			break
		}
	}
	if c.CredsStore != "" {
		found = append(found, helper(c.CredsStore))
	}
	return found
}

// login is the entry of auths for a host under any of its names.
func (c *config) login(names []string) (login, error) {
	for _, name := range names {
		if e, ok := c.Auths[name]; ok {
			if l, err := e.login(); err != nil || l != (login{}) {
				return l, err
			}
		}
	}
	for key, e := range c.Auths {
		for _, name := range names {
			if hostOf(key) == name {
				if l, err := e.login(); err != nil || l != (login{}) {
					return l, err
				}
			}
		}
	}
	return login{}, nil
}

// login decodes an entry.
func (e entry) login() (login, error) {
	if e.IdentityToken != "" {
		return login{secret: e.IdentityToken}, nil
	}
	if e.Auth == "" {
		return login{user: e.Username, secret: e.Password}, nil
	}
	b, err := base64.StdEncoding.DecodeString(e.Auth)
	if err != nil {
		return login{}, fmt.Errorf("auth is no base64")
	}
	user, secret, ok := strings.Cut(string(b), ":")
	if !ok || user == "" {
		return login{}, fmt.Errorf("auth is no user:password")
	}
	return login{user: user, secret: strings.Trim(secret, "\x00")}, nil
}
