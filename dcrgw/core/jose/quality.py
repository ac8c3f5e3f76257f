"""Whether a public key is strong enough to be believed, beyond being well-formed."""

from __future__ import annotations

from math import gcd, isqrt, prod

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

MIN_MODULUS_BITS = 2048
#: Longer ones are refused: their verification would cost more than a stranger's token is worth.
MAX_MODULUS_BITS = 8192
MIN_EXPONENT = 65_537
MAX_EXPONENT = (1 << 64) - 1

#: Steps of Fermat's method: primes that share their upper half fall in the first few.
FERMAT_ROUNDS = 64

_SMALL_PRIMES = tuple(p for p in range(2, 1000) if all(p % d for d in range(2, isqrt(p) + 1)))
_SMALL_PRIMORIAL = prod(_SMALL_PRIMES)

# CVE-2017-15361 (ROCA): the faulty generator made primes that are powers of 65537 modulo many small
# primes, so its moduli are too. Only the primes where those powers miss something tell anything.
_ROCA_PRIMES = (11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157)
_ROCA_RESIDUES = tuple((p, frozenset(pow(65_537, k, p) for k in range(p - 1))) for p in _ROCA_PRIMES)


def rsa_weakness(key: RSAPublicKey) -> str | None:
    """Why an RSA key is not believed, or None. Spec: RFC 8725 §3.5, FIPS 186-5 §5.4."""
    numbers = key.public_numbers()
    if key.key_size < MIN_MODULUS_BITS:
        return f"its RSA modulus is shorter than {MIN_MODULUS_BITS} bits"
    if key.key_size > MAX_MODULUS_BITS:
        return f"its RSA modulus is longer than {MAX_MODULUS_BITS} bits"
    if not MIN_EXPONENT <= numbers.e <= MAX_EXPONENT or numbers.e % 2 == 0:
        return f"its RSA exponent is not an odd number from {MIN_EXPONENT} to 2^64"
    if gcd(numbers.n, _SMALL_PRIMORIAL) != 1:
        return "its RSA modulus has a small factor"
    if all(numbers.n % p in residues for p, residues in _ROCA_RESIDUES):
        return "its RSA modulus has the ROCA fingerprint (CVE-2017-15361)"
    if _has_close_primes(numbers.n):
        return "its RSA primes are too close to each other"
    return None


#: A square leaves a square's remainder: of a hundred numbers that are none, this modulus shows ninety-eight.
_SIEVE = 64 * 9 * 5 * 7 * 11
_SQUARES = frozenset(n * n % _SIEVE for n in range(_SIEVE // 2 + 1))


def _has_close_primes(modulus: int) -> bool:
    """Fermat's method, a few steps: n = a² - b² with a small b is n's factorisation."""
    first = isqrt(modulus - 1) + 1
    # Remainders are small numbers, and roots of great ones were half of vetting a key: where keys come by value, one
    # is vetted at every registration.
    a, n = first % _SIEVE, modulus % _SIEVE
    likely = [step for step in range(FERMAT_ROUNDS) if ((a + step) ** 2 - n) % _SIEVE in _SQUARES]
    return any(_is_square((first + step) ** 2 - modulus) for step in likely)


def _is_square(number: int) -> bool:
    return isqrt(number) ** 2 == number
