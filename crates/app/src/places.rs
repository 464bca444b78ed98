//! Where addresses are: a database in the format of `MaxMind`, as `GeoLite2-City.mmdb` is, held in memory.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use maxminddb::geoip2::City;
use maxminddb::{MaxMindDbError, Reader};
use tidings_model::Geolocation;

/// Tells where addresses are; without a database, of none.
#[derive(Clone, Default)]
pub struct Places(Option<Arc<Reader<Vec<u8>>>>);

impl Places {
    /// From the bytes of a database.
    pub fn read(database: Vec<u8>) -> Result<Self, MaxMindDbError> {
        Ok(Self(Some(Arc::new(Reader::from_source(database)?))))
    }

    /// Where an address is; `None` where that is not known.
    pub fn find(&self, address: IpAddr) -> Option<Geolocation> {
        let found = self.0.as_ref()?.lookup(address).and_then(|found| found.decode::<City<'_>>());
        let city = match found {
            Ok(city) => city?,
            Err(error) => {
                tracing::warn!("the database of places cannot be read: {error}");
                return None;
            }
        };
        let text = |text: Option<&str>| text.map(str::to_owned);
        let place = Geolocation {
            country: text(city.country.names.english),
            country_code: text(city.country.iso_code),
            region: text(city.subdivisions.first().and_then(|region| region.names.english)),
            city: text(city.city.names.english),
            timezone: text(city.location.time_zone),
            latitude: city.location.latitude,
            longitude: city.location.longitude,
        };
        (place != Geolocation::default()).then_some(place)
    }
}

impl fmt::Debug for Places {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Places").field(&self.0.is_some()).finish()
    }
}
