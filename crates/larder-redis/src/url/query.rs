//! What stands behind the `?` of a URL.

use super::{Login, UrlError, decoded, wrong};

/// `name=value&name=value`, each asked for once at least, or nobody knows it.
pub(super) struct Query<'a>(std::cell::RefCell<Vec<(&'a str, &'a str, bool)>>);

impl<'a> Query<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, UrlError> {
        let pairs = text.split('&').filter(|pair| !pair.is_empty());
        let pairs = pairs.map(|pair| match pair.split_once('=') {
            Some((name, value)) => Ok((name, value, false)),
            None => wrong(format!("`{pair}` is not as name=value")),
        });
        Ok(Self(pairs.collect::<Result<Vec<_>, _>>()?.into()))
    }

    pub(super) fn get(&self, name: &str) -> Option<&'a str> {
        let mut pairs = self.0.borrow_mut();
        let pair = pairs.iter_mut().find(|(known, _, _)| *known == name)?;
        pair.2 = true;
        Some(pair.1)
    }

    pub(super) fn login(&self, user: &str, password: &str) -> Result<Login, UrlError> {
        Ok(Login {
            user: self.get(user).map(decoded).transpose()?,
            password: self.get(password).map(decoded).transpose()?,
        })
    }

    pub(super) fn is_used_up(&self) -> Result<(), UrlError> {
        match self.0.borrow().iter().find(|(_, _, is_used)| !is_used) {
            Some((name, _, _)) => wrong(format!("the setting `{name}` is not known here")),
            None => Ok(()),
        }
    }
}
