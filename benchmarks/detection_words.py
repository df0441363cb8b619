"""What the page of the evaluation says of how it was done, and of what it does not say."""

PROTOCOL = """\
Every method sees the same looks in the order they were taken, and an alarm is dated to the look after which it stood;
no look is taken back. A pixel is *mined* when at least 0.3 of it was broken while monitored and none before; pixels
of which less was broken, and those within 20 m of any working, are neither. *Found* is the share of mined pixels,
opened at least 180 days before the end, that were alarmed at some time after they were first broken; alarms before
are *early*, and misses. Lag counts from the day 0.3 was broken; what was not found is censored (Kaplan-Meier).
*False* counts never-mined pixels alarmed, a pixel and year. Intervals are 95 %, from resampled worlds.

Peers pick their thresholds on the very worlds that are scored, which favours them: nrt's IQR, CCDC, EWMA, CUSUM and
MOSUM with ordinary and robust fits on NDVI, NBR, red and VH; unions of an optical and a radar monitor; COLD and S-CCD
on six bands. nrt runs on up to 1,000 mined and 4,000 never-mined pixels a world, COLD and S-CCD on 200 and 700, kpgeo
on all. Alarms of the wrong sign are struck out for peers. A peer that does not come down to 1e-3 is shown at its
lowest rate. Scored worlds have seeds from 1001 on; nobody tuned on them.
"""
LIMITS = """\
## What this does not say

Simulated worlds rank methods under one stated model of land, sky and sensors; they are not field accuracies. The
model is by kpgeo's own authors, though no detector may read its spectra. Pits mixed into real series keep real noise
and gaps but have simulated pits. New fields and orchards are commoner here than in the prior measurements peers were
quoted from, and one index cannot tell them from workings: that is what holds peers down at low false-alarm rates.
"""
