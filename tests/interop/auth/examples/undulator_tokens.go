// Verifies access tokens of Undulator, without asking it for each of them.
package main

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	algorithm         = "EdDSA"
	clockDifference   = 30 * time.Second
	longestToken      = 16 * 1024
	largestKeySet     = 1024 * 1024
	shortestAge       = time.Minute
	longestAge        = 24 * time.Hour
	retryAfterFailure = 5 * time.Second
)

// ErrKeysUnavailable means that the keys could not be fetched for a day, or never: answer 503, not 401.
var ErrKeysUnavailable = errors.New("the keys of tokens are not available")

var maxAge = regexp.MustCompile(`max-age=(\d+)`)

// PublicKeys are the keys that sign tokens, by their ids. They are fetched when they are older than the server allows, and
// when a token names an unknown one, but not more than once a minute. While the server is down, keys of the last day are used.
type PublicKeys struct {
	URL string
	Now func() time.Time

	client                             http.Client
	fetching                           sync.Mutex
	state                              sync.Mutex
	keys                               map[string]ed25519.PublicKey
	usableUntil, freshUntil, nextFetch time.Time
}

func NewPublicKeys(url string) *PublicKeys {
	return &PublicKeys{URL: url, Now: time.Now, client: http.Client{Timeout: 5 * time.Second}}
}

// Find returns nil for an unknown key.
func (k *PublicKeys) Find(kid string) (ed25519.PublicKey, error) {
	key, freshUntil, usableUntil := k.lookUp(kid)
	if key == nil {
		k.fetchIfDue()
		key, _, usableUntil = k.lookUp(kid)
	} else if !k.Now().Before(freshUntil) {
		// Nobody waits for a server that may be down.
		go k.fetchIfDue()
	}
	if !k.Now().Before(usableUntil) {
		return nil, ErrKeysUnavailable
	}
	return key, nil
}

func (k *PublicKeys) lookUp(kid string) (key ed25519.PublicKey, freshUntil, usableUntil time.Time) {
	k.state.Lock()
	defer k.state.Unlock()
	return k.keys[kid], k.freshUntil, k.usableUntil
}

// Callers at the same time wait for one request.
func (k *PublicKeys) fetchIfDue() {
	k.fetching.Lock()
	defer k.fetching.Unlock()
	now := k.Now()
	if now.Before(k.nextFetch) {
		return
	}
	keys, age, err := k.fetch()
	if err != nil {
		k.nextFetch = now.Add(retryAfterFailure)
		return
	}
	k.nextFetch = now.Add(shortestAge)
	k.state.Lock()
	defer k.state.Unlock()
	k.keys, k.freshUntil, k.usableUntil = keys, now.Add(limitAge(age)), now.Add(longestAge)
}

func (k *PublicKeys) fetch() (map[string]ed25519.PublicKey, time.Duration, error) {
	answer, err := k.client.Get(k.URL)
	if err != nil {
		return nil, 0, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, 0, fmt.Errorf("status %d", answer.StatusCode)
	}
	keys, err := parseKeys(io.LimitReader(answer.Body, largestKeySet))
	age := 0
	if found := maxAge.FindStringSubmatch(answer.Header.Get("Cache-Control")); found != nil {
		age, _ = strconv.Atoi(found[1])
	}
	return keys, time.Duration(age) * time.Second, err
}

func limitAge(age time.Duration) time.Duration {
	switch {
	case age < shortestAge:
		return shortestAge
	case age > longestAge:
		return longestAge
	default:
		return age
	}
}

// Those for signatures with the one algorithm that is accepted.
func parseKeys(body io.Reader) (map[string]ed25519.PublicKey, error) {
	var set struct {
		Keys []struct{ Kty, Crv, Kid, Use, Alg, X string }
	}
	if err := json.NewDecoder(body).Decode(&set); err != nil {
		return nil, err
	}
	keys := map[string]ed25519.PublicKey{}
	for _, key := range set.Keys {
		if key.Kty != "OKP" || key.Crv != "Ed25519" || (key.Use != "" && key.Use != "sig") || (key.Alg != "" && key.Alg != algorithm) {
			continue
		}
		x, err := base64.RawURLEncoding.DecodeString(key.X)
		if err != nil || len(x) != ed25519.PublicKeySize {
			return nil, fmt.Errorf("key %s is not valid", key.Kid)
		}
		keys[key.Kid] = x
	}
	return keys, nil
}

// TokenVerifier verifies tokens of one issuer for one audience.
type TokenVerifier struct {
	keys   *PublicKeys
	parser *jwt.Parser
}

func NewTokenVerifier(issuer, audience string, keys *PublicKeys) *TokenVerifier {
	return &TokenVerifier{keys, jwt.NewParser(
		jwt.WithValidMethods([]string{algorithm}), jwt.WithIssuer(issuer), jwt.WithAudience(audience),
		jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithLeeway(clockDifference),
	)}
}

// Verify returns the claims: Subject is the user name. Answer 503 to ErrKeysUnavailable, and 401 to other errors.
func (v *TokenVerifier) Verify(token string) (*jwt.RegisteredClaims, error) {
	if len(token) > longestToken {
		return nil, errors.New("too long")
	}
	claims := &jwt.RegisteredClaims{}
	_, err := v.parser.ParseWithClaims(token, claims, func(token *jwt.Token) (any, error) {
		kid, _ := token.Header["kid"].(string)
		if _, critical := token.Header["crit"]; critical || token.Header["typ"] != "at+jwt" {
			return nil, errors.New("not an access token")
		}
		key, err := v.keys.Find(kid)
		if err == nil && key == nil {
			err = errors.New("signed with an unknown key")
		}
		return key, err
	})
	if err == nil && (claims.Subject == "" || claims.IssuedAt == nil) {
		err = errors.New("claims are missing")
	}
	return claims, err
}
