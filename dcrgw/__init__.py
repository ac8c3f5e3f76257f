"""dcrgw: the vendor-neutral Open Banking registration gateway."""
