"""The text of docs/benchmarks/clouds.md around its tables."""

PAGE = """# Cloud and shadow

What is left of clouds and their shadows in looks that kpgeo uses, before and after each look is held against the season
of its pixels (`features.history_test`; how: [clear looks](../theory/clear-looks.md)), and what ground is lost to it.
Percent, with the middle 95 % of 1,000 draws of scenes (of squares of an image, where there is one only). *overall*:
pixels rightly called clear or not clear. *found*: of what is cloud (shadow) by the reference, what is not used. *called
cloud, not clear*: of what is called cloud, what the reference does not call clear. *clear lost*: of clear ground, what
is not used.

## Sets with reference masks

{real}
![Cloud and shadow found by each mask on the reference sets](clouds.png)

What each set can show, and what it cannot:

* **Hand-masked scene** ([ukis-csmask](https://github.com/dlr-eoc/ukis-csmask) bcd8ea0, Apache-2.0): one Sentinel-2
  image of 512 × 512 px at the top of the atmosphere and a mask by hand. It has **no history**, so one is made: under
  cloud and shadow the nearest clear pixel, over clear ground its own reflectance with the noise of a season. That says
  how well real clouds and shadows are *found*; clear ground can hardly fail it, so that the same is repeated with clear
  pixels held against others 300 m away, as if every field had changed its use, which is harder than a season. The
  provider's mask is the reference with a quarter, or a half, of cloud and shadow missing in patches, as in the
  simulator.
* **Slovenia** ([eo-learn](https://github.com/sentinel-hub/eo-learn) 303e758, MIT; the mask is s2cloudless'): of 68
  dates, five have all bands. Their dates are found by their NDVI, which equals that of 2015-07-11, 07-31, 08-20, 08-30
  and 09-09 to the last bit; two of them are all cloud. Each is held against the median of the clear ones of the others,
  within two months, with a scatter of 0.01, 0.01, 0.03 and 0.02 in green, red, near and short-wave infrared. No
  shadows.
* Both are at the top of the atmosphere: what air adds is taken off as the darkest ground shows it. kpgeo reads surface
  reflectance. Of the deepest shadows of the hand-masked scene too little is left after that, as of black water, and
  they are not found. **The spectral limits of the test were chosen with both sets and New England, below, in view**; so
  these tables say what it does on real clouds, not what it would on others. The worlds below were not looked at before.

{index}
NDVI is all there is of the other 63 dates. kpgeo does not judge by it; it is here because it is the only long history
with a reference. The mask before is the published cloud probability above 0.9, which is also what the season was learnt
without; the reference is the published mask.

## Landsat beside Fmask

{fmask}
A row of 300 pixels in New England, 2003–2014, by seasons learnt from 1998–2002
([yatsm](https://github.com/ceholden/yatsm) 8e328f3, MIT; USGS). Fmask is no truth: it calls much ground shadow that
shows none (the median near infrared of its shadows is 0.83 of the season's), and of what it calls clear and the test
does not, up to 97 of the 300 pixels lie in one scene. Nothing is beside a single row but its neighbours in it.

{belgium}. They are tilled twice a year and have no blue band, so shadow is all that could be taken.

The Spanish field (33 dates of red, near infrared and the scene classification) has neither green nor short-wave
infrared and cannot be tested. Single pixels of the HLS and Landsat series have no neighbours, without which the test is
another one; they are left out.

## Worlds

Worlds nobody tuned on, 256 × 256 px, two years of history and one watched; the truth is the simulator's. Cloudy is a
tenth of opacity, shaded a fifth of shadow, hazy a tenth of veil; clear is next to none of each, and what lies between
is left out. *provider*: the quality layer, with its errors. *margins and haze rule*: what kpgeo makes of it without the
test.

{worlds}
## Ground that is mined

Of looks at pixels that are truly dug or flooded and over which there is nothing, how many are not used, in percent. The
aim is less than one more in a hundred.

{mined}
## What the detector makes of it

One world each: at the threshold that gives so many false pixels a year, how many of the pixels that became mined are
found, after how many days (– where fewer than half are), the mean of days up to 180, and the share within 60. One world
of each kind says little about small differences.

{detection}
## Time

On a drawn tile of 512 × 512 px, on one core: {speed}.

{machine} `python -m benchmarks.clouds`.
"""
